"""A text is tokenised once and cut without overlap; the grammar's labels stand at their tokens."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from suite.data import grammar
from suite.data.catalogue import TEXTS
from suite.data.grammar_labels import grammar_labels
from suite.data.source import text_from_catalogue, text_from_file
from suite.data.tokenizer import story_tokenizer
from suite.data.windows import make_windows
from suite.errors import InputError

GRAMMAR_TEXTS = {name: text.grammar for name, text in TEXTS.items() if text.grammar}


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return story_tokenizer()


def test_windows_follow_each_other_and_the_tail_is_dropped(tokenizer: PreTrainedTokenizerFast) -> None:
    source = text_from_catalogue("stories")
    windows = make_windows(source, tokenizer, 256)
    ids = tokenizer(source.content)["input_ids"]
    assert windows.tokens.shape == (len(ids) // 256, 256)
    assert windows.tokens.flatten().tolist() == ids[: windows.tokens.numel()]
    assert not windows.bos


@pytest.mark.parametrize("count", [1, 2, 16, 61])
def test_some_windows_are_those_of_the_whole_text_spread_evenly(tokenizer: PreTrainedTokenizerFast, count: int) -> None:
    whole = make_windows(text_from_catalogue("stories"), tokenizer, 256)
    some = make_windows(text_from_catalogue("stories"), tokenizer, 256, count)
    places = [(2 * one + 1) * 61 // (2 * count) for one in range(count)]
    assert len(whole.tokens) == whole.text_windows == some.text_windows == 61
    assert len(set(places)) == count and torch.equal(some.tokens, whole.tokens[places])
    gaps = np.diff([-places[0] - 1, *places, 2 * 61 - 1 - places[-1]]) if count > 1 else np.array([0])
    assert gaps.max() - gaps.min() <= 1 + gaps.min() % 2  # as evenly as whole windows allow
    assert some.labels is not None and whole.labels is not None
    assert np.array_equal(some.labels.kind, whole.labels.kind[places])


def test_more_windows_than_the_text_has_are_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(InputError, match=r"`windows: 62` is more than the 61 windows that text 'stories' has"):
        make_windows(text_from_catalogue("stories"), tokenizer, 256, 62)


def test_every_window_can_begin_with_a_bos_and_then_all_of_the_text_is_predicted(tmp_path: Path) -> None:
    tokenizer = story_tokenizer()
    tokenizer.bos_token = "Anna"  # a word of the vocabulary will do
    source = text_from_catalogue("short-stories")
    windows = make_windows(source, tokenizer, 64, bos="each")
    assert (windows.tokens[:, 0] == tokenizer.bos_token_id).all() and windows.bos == "each"
    ids = tokenizer(source.content, add_special_tokens=False)["input_ids"]
    assert windows.tokens[:, 1:].flatten().tolist() == ids[: len(ids) // 63 * 63]
    assert (windows.stride, windows.text_windows, windows.labels) == (63, len(ids) // 63, None)


def test_a_tokenizer_without_a_bos_cannot_begin_windows_with_one(tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(InputError, match=r"`bos: each` needs a tokenizer that has a BOS"):
        make_windows(text_from_catalogue("stories"), tokenizer, 256, bos="each")


@pytest.mark.parametrize("name", GRAMMAR_TEXTS)
def test_labels_stand_at_the_tokens_they_speak_of(tokenizer: PreTrainedTokenizerFast, name: str) -> None:
    windows = make_windows(text_from_catalogue(name), tokenizer, 100)
    labels = windows.labels
    assert labels is not None
    text = GRAMMAR_TEXTS[name]
    scored = [(word, start) for story in text.write() for start, word in [*enumerate(grammar.score(story, text.short))]]
    for row in range(0, len(windows.tokens), 17):
        for column in range(1, 100):
            word, place = scored[row * 100 + column]
            token = tokenizer.convert_ids_to_tokens(int(windows.tokens[row, column]))
            assert token == word.word
            assert labels.kind[row, column - 1] == word.kind
            assert labels.logprob[row, column - 1] == word.logprob
            assert labels.whole[row, column - 1] == (place <= column)


@pytest.mark.parametrize("name", GRAMMAR_TEXTS)
def test_what_is_told_of_a_text_lines_up_with_its_tokens(tokenizer: PreTrainedTokenizerFast, name: str) -> None:
    source = text_from_catalogue(name)
    known = grammar_labels(source)
    assert known is not None and source.labelled
    assert tokenizer.convert_ids_to_tokens(tokenizer(source.content)["input_ids"]) == known.words
    assert known.kind.shape == known.logprob.shape == (len(known.words),)
    assert known.starts.dtype == np.int64 and len(known.starts) == GRAMMAR_TEXTS[name].stories
    ends = [place + 1 for place, word in enumerate(known.words) if word == grammar.END]
    assert known.starts.tolist() == [0, *ends[:-1]] and ends[-1] == len(known.words)
    with pytest.raises(ValueError, match="read-only"):
        known.logprob[0] = 0.0


def test_nothing_is_told_of_a_text_of_another_hand(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text(text_from_catalogue("stories").content)
    for source in (text_from_file("stories", path), text_from_catalogue("wikitext-2")):
        assert grammar_labels(source) is None and not source.labelled


def test_the_tokenizer_knows_every_word_and_gives_the_text_back(tokenizer: PreTrainedTokenizerFast) -> None:
    words = [word for index in range(400) for word in grammar.write(7, index)]
    ids = tokenizer(grammar.join(words))["input_ids"]
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.convert_ids_to_tokens(ids) == words
    assert grammar.split(tokenizer.decode(ids)) == words
    assert "She" not in tokenizer.get_vocab()


def test_a_text_shorter_than_a_window_is_refused(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    path = tmp_path / "short.txt"
    path.write_text("Anna was a brave baker.")
    with pytest.raises(InputError, match=r"text 'short' is 6 tokens long, shorter than one window of 64"):
        make_windows(text_from_file("short", path), tokenizer, 64)


def test_a_json_list_is_joined_as_asked(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(["one", "two"]))
    assert text_from_file("rows", path).content == "one\n\ntwo"
    assert text_from_file("rows", path, " ").content == "one two"
    assert text_from_file("rows", path).revision != text_from_file("rows", path, " ").revision


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b"{", "is not JSON"),
        ("a.json", b'{"a": 1}', "must hold a JSON list of strings"),
        ("a.json", b"[1]", "must hold a JSON list of strings"),
        ("a.txt", b"\xff\xfe\xff", "is not UTF-8 at byte 0"),
        ("a.txt", b" \n", "holds no text"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        text_from_file("mine", path)
    with pytest.raises(InputError, match="cannot read"):
        text_from_file("mine", tmp_path / "nowhere.txt")


def test_unigram_is_the_perplexity_of_frequencies(tokenizer: PreTrainedTokenizerFast) -> None:
    windows = make_windows(text_from_catalogue("stories"), tokenizer, 256)
    flat = windows.tokens[:, 1:].flatten()
    shares = torch.bincount(flat).double() / len(flat)
    assert windows.unigram() == pytest.approx(float((-shares[flat].log().mean()).exp()), rel=1e-12)
