"""The grammar writes, parses and scores the same stories; no word has two derivations."""

from __future__ import annotations

import hashlib
import math
import random
from collections import Counter

import pytest

from suite.data import grammar
from suite.data.catalogue import TEXTS, GrammarText
from suite.data.grammar import END, Choice, Fault, Kind
from suite.data.source import text_from_catalogue, training_text

GRAMMAR_TEXTS = {name: text.grammar for name, text in TEXTS.items() if text.grammar}


@pytest.mark.parametrize("short", [False, True])
def test_what_it_writes_it_accepts_with_the_same_scores(short: bool) -> None:
    for index in range(300):
        told = grammar.tell(5, index, short)
        assert grammar.score([word.word for word in told], short) == told


def test_text_and_words_are_each_others_inverse() -> None:
    words = [word for index in range(50) for word in grammar.write(0, index)]
    assert grammar.split(grammar.join(words)) == words


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("stories", "db87be1773b19c0d44e7c57b713df6c7d6ff81e474f46bea8a90dbd64b4f5456"),
        ("stories-training", "e00d208c1dd4131cebfcfc1a9f34479a524be6146d33916eecf4831413f7e124"),
        ("short-stories", "011e20c24fa64aa02e30c02f17f634b7097d71797cb93f532a8c86f74bad2dcc"),
        ("short-stories-training", "374e127f8a75b3f313f26dd26fdb51d947c4ebb79b664358b33a616201266175"),
    ],
)
def test_the_texts_never_change(name: str, digest: str) -> None:
    text = text_from_catalogue(name)
    assert hashlib.sha256(text.content.encode()).hexdigest() == digest
    assert text.revision == f"sha256:{digest}"


@pytest.mark.parametrize("short", [False, True])
def test_every_choice_is_unambiguous_and_sums_to_one(short: bool) -> None:
    draw = random.Random(0)
    for _ in range(300):
        telling = grammar.story(short)
        choice: Choice = next(telling)
        while True:
            assert len(set(choice.words)) == len(choice.words)
            assert math.isclose(sum(choice.weights), 1.0)
            try:
                choice = telling.send(draw.choice(choice.words))
            except StopIteration:
                break


def test_words_come_as_often_as_their_probabilities_say() -> None:
    told = [grammar.tell(9, index) for index in range(4000)]
    openings = Counter(story[6].word for story in told)
    assert {word: round(count / 4000, 1) for word, count in openings.items()} == {"Every": 0.5, "At": 0.3, "Once": 0.2}
    # Over many stories the mean surprise is the entropy: the floor is a property of the grammar, not of the sample.
    first, second = (
        -sum(word.logprob for story in half for word in story) / sum(map(len, half))
        for half in (told[:2000], told[2000:])
    )
    assert abs(first - second) < 0.005


def test_the_probabilities_of_all_short_endings_sum_to_one() -> None:
    meeting = grammar.write(2, 0, short=True)
    meeting = meeting[: meeting.index("had")]

    def total(words: list[str]) -> float:
        """The probability that the grammar gives all stories together that begin like this."""
        telling = grammar.story(short=True)
        choice = next(telling)
        try:
            for word in words:
                choice = telling.send(word)
        except StopIteration:
            return math.exp(sum(word.logprob for word in grammar.score(words, short=True)))
        return sum(total([*words, word]) for word in choice.words)

    opening = math.exp(sum(word.logprob for word in grammar.score(meeting, short=True)))
    assert total(meeting) == pytest.approx(opening, rel=1e-12)


def test_kinds_say_what_it_takes_to_predict() -> None:
    told = {word.word: word.kind for word in grammar.tell(2, 0)}
    assert told["was"] == Kind.AGREEMENT
    kinds = Counter(word.kind for index in range(500) for word in grammar.tell(2, index))
    assert set(kinds) == set(Kind)
    for index in range(200):
        words = grammar.tell(2, index)
        seen: set[str] = set()
        for word in words:
            if word.kind == Kind.RECALL:
                assert word.word in seen, f"{word.word} cannot be recalled: it was not told before"
            seen.add(word.word)
        assert all(word.logprob == 0.0 for word in words if word.kind in (Kind.FACT, Kind.AGREEMENT))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [("bread", "salmon", "'bread'"), ("she", "he", "'she'"), ("was", "were", "'was'"), (".", ",", "'.'")],
)
def test_a_wrong_word_is_a_fault_that_names_it(old: str, new: str, expected: str) -> None:
    words = grammar.split("Anna was a brave baker. Every morning she took her bread from the bakery to the lake.")
    grammar.score(words)
    words[words.index(old)] = new
    with pytest.raises(Fault, match=f"is {new!r}; the grammar expects {expected}"):
        grammar.score(words)


def test_nothing_comes_after_the_end() -> None:
    with pytest.raises(Fault, match="after the end"):
        grammar.score([*grammar.write(0, 0), "Anna"])


def test_training_and_evaluation_share_no_story() -> None:
    """Not even a meeting, whether the stories are short or not."""

    def meetings(*texts: GrammarText) -> set[str]:
        return {" ".join(words[: words.index("had") + 5]) for text in texts for words in text.write()}

    embedded = GrammarText(seed=1, stories=40_000)  # what the embedded models were trained on
    evaluation = [meetings(GRAMMAR_TEXTS[name]) for name in ("stories", "short-stories")]
    assert not evaluation[0] & evaluation[1]
    assert not set.union(*evaluation) & meetings(embedded, GRAMMAR_TEXTS["short-stories-training"])


@pytest.mark.parametrize("text", GRAMMAR_TEXTS.values(), ids=GRAMMAR_TEXTS)
def test_stories_end_with_the_line_break(text: GrammarText) -> None:
    assert all(words[-1] == END and END not in words[:-1] for words in text.write())


def test_a_short_story_is_a_meeting_and_its_night() -> None:
    short = GRAMMAR_TEXTS["short-stories"]
    assert {words.count(".") for words in short.write()} == {4}
    lengths = [len(words) for words in short.write()]
    assert min(lengths) >= 38 and max(lengths) <= 45 and len(lengths) >= 240
    assert {word for words in short.write() for word in words} <= set(grammar.vocabulary())
    with pytest.raises(Fault, match="the grammar expects 'So', 'But', 'Then'"):
        grammar.score(grammar.write(2, 0, short=True))


def test_every_text_of_the_grammar_is_in_the_catalogue() -> None:
    assert {"stories", "short-stories"} < set(GRAMMAR_TEXTS)
    assert training_text(text_from_catalogue("short-stories")).name == "short-stories-training"
