"""Of C4, windows are the ones that the published code of SparseGPT and Wanda takes."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from suite.data import documents, grammar, source
from suite.data.catalogue import TEXTS
from suite.data.documents import Documents
from suite.data.drawn import DrawnDocuments
from suite.data.source import text_from_catalogue
from suite.data.tokenizer import story_tokenizer
from suite.data.windows import make_windows
from suite.errors import ExperimentError, InputError
from suite.records.experiment import Calibration, Recovery
from suite.runner.transforms import TextIds

STORIES = [grammar.join(grammar.write(9, index)[: 5 + 7 * (index % 20)]) for index in range(1200)]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return story_tokenizer()


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "shard.json.gz"
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps({"text": story, "url": "\u2028"}, ensure_ascii=False) + "\n" for story in STORIES)
    return path


def published(traindata: Any, tokenizer: Any, nsamples: int, seqlen: int, seed: int) -> list[list[int]]:
    """`get_c4` of the published code, its loader as a list."""
    random.seed(seed)
    found = []
    for _ in range(nsamples):
        while True:
            i = random.randint(0, len(traindata) - 1)
            trainenc = tokenizer(traindata[i], return_tensors="pt")
            if trainenc.input_ids.shape[1] > seqlen:
                break
        i = random.randint(0, trainenc.input_ids.shape[1] - seqlen - 1)
        found.append(trainenc.input_ids[0, i : i + seqlen].tolist())
    return found


@pytest.mark.parametrize(("context", "seed"), [(32, 0), (64, 7), (70, 0)])
def test_calibration_windows_are_those_of_the_published_loop(
    shard: Path, tokenizer: PreTrainedTokenizerFast, context: int, seed: int
) -> None:
    lengths = {len(tokenizer(story)["input_ids"]) for story in STORIES}
    drawn = DrawnDocuments("c4-training", Documents(shard, "text"), " ", tokenizer)
    windows = drawn.windows(24, context, seed)
    assert windows.dtype == torch.int64 and min(lengths) < context < max(lengths)
    assert windows.tolist() == published(STORIES, tokenizer, 24, context, seed)
    assert windows.tolist() == drawn.windows(24, context, seed).tolist()


def test_a_document_as_long_as_a_window_is_too_short(tokenizer: PreTrainedTokenizerFast) -> None:
    drawn = DrawnDocuments("mine", STORIES[:20], " ", tokenizer)
    longest = max(len(tokenizer(story)["input_ids"]) for story in STORIES[:20])
    assert drawn.windows(1, longest - 1, 0).shape == (1, longest - 1)
    with pytest.raises(ExperimentError, match=rf"none is longer than a window of {longest} tokens; give another"):
        drawn.windows(1, longest, 0)


def test_documents_are_read_by_their_number(shard: Path) -> None:
    found = Documents(shard, "text")
    assert len(found) == 1200 and list(found) == STORIES
    assert found[1199] == STORIES[1199] and found[3:5] == STORIES[3:5]
    with pytest.raises(IndexError):
        _ = found[1200]


def test_a_full_disk_is_one_sentence(shard: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(documents.tempfile, "TemporaryFile", full)
    with pytest.raises(ExperimentError, match="No space left on device; make room, or set TMPDIR"):
        len(Documents(shard, "text"))


def test_a_recovery_learns_from_the_first_tokens_of_the_documents_joined(
    shard: Path, tokenizer: PreTrainedTokenizerFast
) -> None:
    text = text_from_catalogue("c4-training")
    drawn = DrawnDocuments(text.name, Documents(shard, "text"), text.join, tokenizer)
    every = tokenizer(" ".join(STORIES))["input_ids"]
    text_ids = TextIds({}, {text.reference: drawn})
    asked = Recovery(text=text.reference, tokens=5000, context=32, batch=4, learning_rate=1e-3, seed=0)
    assert text_ids.recovery(asked) == every[:5000]
    assert text_ids.recovery(asked.model_copy(update={"tokens": 1})) == every[:33]  # a window, and one more
    calibration = Calibration(text=text.reference, samples=3, context=32, seed=1)
    assert text_ids.calibration(calibration).tolist() == published(STORIES, tokenizer, 3, 32, 1)
    with pytest.raises(ExperimentError, match=r"is [\d,]+ tokens long, and 1,000,000 are to be learnt from"):
        drawn.first(1_000_000)


def test_c4_is_measured_on_256_windows_of_1100_documents(
    shard: Path, tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source.TextSource, "_fetched", lambda *_: shard)
    text = text_from_catalogue("c4")
    ids = tokenizer(" ".join(STORIES[:1100]), return_tensors="pt").input_ids
    ids = ids[:, : 256 * 64]
    windows = make_windows(text, tokenizer, 64)
    assert windows.tokens.shape == (256, 64)
    assert windows.tokens.flatten().tolist() == ids[0].tolist()
    long = make_windows(text, tokenizer, 512)  # where the text is shorter, its tail is dropped
    assert len(long.tokens) == windows.text_tokens // 512 < 256
    assert text.content == " ".join(STORIES[:1100])


def test_a_text_to_draw_from_is_no_text_to_measure_on() -> None:
    text = text_from_catalogue("c4-training")
    assert TEXTS["c4"].training == text.name and text.by_document
    with pytest.raises(InputError, match="'c4-training' is documents to draw from, for calibration and recovery alone"):
        _ = text.content
