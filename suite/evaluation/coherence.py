"""Coherence: whether a model still writes English, measured and shown (rule 20).

Three numbers of what the model wrote, each beside the dense model's own: repeated 4-grams (loops), distinct bigrams
(monotony), and the dense model's perplexity of it, read two-sidedly because loops score too low. For the embedded
corpus the grammar also says which samples it rejects.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Literal

import numpy as np
import torch
from transformers import PreTrainedModel

from suite.data import grammar
from suite.data.catalogue import GrammarText
from suite.evaluation.perplexity import token_losses
from suite.evaluation.writing import Written
from suite.protocol import (
    FEWER_DISTINCT,
    GRAM,
    JUDGE_FACTOR,
    JUDGED_PROMPTS,
    JUDGED_TOGETHER,
    MORE_FAULTS,
    MORE_REPEATED,
)
from suite.records.schema import Coherence

Verdict = Literal["coherent", "degraded", "incoherent"]


@dataclass(frozen=True, slots=True)
class Writing:
    """The numbers of one model's samples."""

    repeated_4grams: float
    distinct_2: float
    judge_perplexity: float
    faults: int | None
    samples: int


def prompts_of(stories: Iterable[Sequence[str]], count: int = JUDGED_PROMPTS) -> list[str]:
    """The opening sentence of stories, each after a line break as in the corpus."""
    return [grammar.END + grammar.join(words[: words.index(".") + 1]) for words in islice(stories, count)]


# Ordinary beginnings that name no date, place or person a model may not have met. The first is the first study's.
PROMPTS = (
    "The meaning of life is",
    "Once upon a time there was",
    "The weather today is",
    "My favourite food is",
    "The best way to learn is",
    "In the middle of the night",
    "The children went to school and",
    "Water is important because",
    "The old man looked at the sea and",
    "When I was young, I",
    "The most important thing about a friend is",
    "She opened the door and saw",
    "The train was late, so",
    "A good book can",
    "Scientists have discovered that",
    "In the future, people will",
    "The dog ran across the field and",
    "To make a cup of tea, you",
    "The city was quiet because",
    "He had never seen such a",
    "Music makes people feel",
    "The first thing to do is",
    "After the long winter,",
    "There are many reasons why",
    "The king and the queen were",
    "If you want to be healthy, you should",
    "The mountain was covered with",
    "At the market they bought",
    "The teacher asked the class to",
    "It is well known that",
    "The house at the end of the road",
    "People often forget that",
)


def measure_writing(written: Sequence[Written], judge: PreTrainedModel, text: GrammarText | None) -> Writing:
    """The numbers of what a model wrote.

    Args:
        written: the samples.
        judge: the dense model.
        text: the text whose stories the grammar expects in them; None if the samples are not the grammar's to judge.
    """
    faults = None
    if text is not None:
        faults = sum(faulty(sample.sample.prompt + sample.sample.text, text.short) for sample in written)
    new = [sample.new_ids for sample in written]
    return Writing(
        repeated_4grams=_mean(new, repeated_4grams),
        distinct_2=_mean(new, distinct_bigrams),
        judge_perplexity=judged(written, judge),
        faults=faults,
        samples=len(written),
    )


def compare(writing: Writing, dense: Writing) -> Coherence:
    """The verdict on a model's writing, relative to the dense model's."""
    return Coherence(
        verdict=verdict(writing, dense),
        repeated_4grams=writing.repeated_4grams,
        distinct_2=writing.distinct_2,
        judge_perplexity=writing.judge_perplexity,
        dense_repeated_4grams=dense.repeated_4grams,
        dense_distinct_2=dense.distinct_2,
        dense_judge_perplexity=dense.judge_perplexity,
        faults=writing.faults,
        samples=writing.samples,
    )


def verdict(writing: Writing, dense: Writing) -> Verdict:
    """Coherent, degraded or incoherent: the worst that any of the numbers says."""
    repeated = writing.repeated_4grams - dense.repeated_4grams
    distinct = writing.distinct_2 / max(dense.distinct_2, 1e-9)
    factor = abs(math.log(writing.judge_perplexity / dense.judge_perplexity))
    faults = ((writing.faults or 0) - (dense.faults or 0)) / writing.samples
    grades: tuple[Verdict, Verdict] = ("incoherent", "degraded")
    for name, level in zip(grades, (1, 0), strict=True):
        if (
            repeated > MORE_REPEATED[level]
            or distinct < FEWER_DISTINCT[level]
            or factor > math.log(JUDGE_FACTOR[level])
            or faults > MORE_FAULTS[level]
        ):
            return name
    return "coherent"


def repeated_4grams(ids: Sequence[int]) -> float:
    """The share of a sample's 4-grams that occurred before in it; 0 for fewer than five tokens."""
    grams = list(zip(*(ids[start:] for start in range(GRAM)), strict=False))
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def distinct_bigrams(ids: Sequence[int]) -> float:
    """The number of different bigrams over the number of bigrams; 1 for fewer than two tokens."""
    bigrams = list(pairwise(ids))
    return len(set(bigrams)) / len(bigrams) if bigrams else 1.0


def judged(written: Sequence[Written], judge: PreTrainedModel) -> float:
    """The judge's perplexity of the new tokens, given their prompts.

    Shorter samples are filled up behind their end, by their last token: what comes after changes no loss before it.
    """
    rows = [sample.prompt_ids + sample.new_ids for sample in written]
    longest = max(map(len, rows))
    tokens = torch.tensor([row + row[-1:] * (longest - len(row)) for row in rows])
    losses = token_losses(judge, tokens, batch_size=JUDGED_TOGETHER)
    new = [row[len(s.prompt_ids) - 1 :][: len(s.new_ids)] for row, s in zip(losses, written, strict=True)]
    return math.exp(min(float(np.concatenate(new).mean()), 700.0))


def faulty(text: str, short: bool = False) -> bool:
    """Whether the grammar rejects a text of whole stories, or of short ones, and one that may be cut."""
    story: list[str] = []
    for word in [*grammar.split(text.lstrip(grammar.END)), ""]:
        if word:
            story.append(word)
        if word in ("", grammar.END) and story:
            try:
                grammar.score(story, short)
            except grammar.Fault:
                return True
            story = []
    return False


def _mean(samples: Sequence[Sequence[int]], number: Callable[[Sequence[int]], float]) -> float:
    return sum(map(number, samples)) / len(samples)
