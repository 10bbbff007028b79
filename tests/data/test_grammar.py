"""The grammar writes, parses and scores the same stories; no word has two derivations."""

from __future__ import annotations

import hashlib
import math
import random
from collections import Counter

import pytest

from suite.data import grammar
from suite.data.grammar import END, Choice, Fault, Kind
from suite.data.source import stories, text_from_catalogue


def test_what_it_writes_it_accepts_with_the_same_scores() -> None:
    for index in range(300):
        told = grammar.tell(5, index)
        assert grammar.score([word.word for word in told]) == told


def test_text_and_words_are_each_others_inverse() -> None:
    words = [word for index in range(50) for word in grammar.write(0, index)]
    assert grammar.split(grammar.join(words)) == words


def test_the_evaluation_text_never_changes() -> None:
    text = text_from_catalogue("stories").content
    assert hashlib.sha256(text.encode()).hexdigest() == (
        "db87be1773b19c0d44e7c57b713df6c7d6ff81e474f46bea8a90dbd64b4f5456"
    )


def test_every_choice_is_unambiguous_and_sums_to_one() -> None:
    draw = random.Random(0)
    for _ in range(300):
        telling = grammar.story()
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
    evaluation = {" ".join(words) for words in stories()}
    training = {" ".join(grammar.write(1, index)) for index in range(40_000)}
    assert not evaluation & training


def test_stories_end_with_the_line_break() -> None:
    assert all(words[-1] == END and END not in words[:-1] for words in stories())
