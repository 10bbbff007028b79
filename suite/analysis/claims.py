"""Claims and their verdicts. What is claimed is fixed here beforehand; the records decide, or leave it open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from suite.analysis.cells import Cell
from suite.analysis.curves import TOLERANCE, Curve, Point
from suite.analysis.location import Ranking
from suite.analysis.models import ModelFacts
from suite.analysis.speed import EQUIVALENCE
from suite.analysis.values import Claim, NotMeasured, Verdict, below, everywhere, ordered
from suite.records.schema import Interval


class Answer(StrEnum):
    """How the question "how much can go?" came out."""

    FOUND = "found"  # some of the measured sparsities are within the tolerance, a larger one is not
    BEYOND = "beyond"  # every measured sparsity is within it: the limit was not reached
    NONE = "none"  # even the smallest measured sparsity is past it
    DENSE = "dense"  # no pruned model was measured


@dataclass(frozen=True, slots=True)
class Headline:
    """The takeaway: the largest measured sparsity within the tolerance, all smaller ones within it too.

    `within` is that point, `past` the first one beyond the tolerance; each is None where there is none.
    `verdict` says whether the 95 % interval of `within` stays inside the tolerance as well.
    """

    answer: Answer
    model: ModelFacts
    tolerance: float
    within: Point | None
    past: Point | None
    verdict: Verdict

    @property
    def marked(self) -> tuple[float, ...]:
        """The sparsities on either side of the answer."""
        return tuple(point.sparsity for point in (self.within, self.past) if point)


def headline(model: ModelFacts) -> Headline:
    if model.main is None:
        return Headline(Answer.DENSE, model, TOLERANCE, None, None, Verdict.UNKNOWN)
    within, past = model.main.tolerated(), model.main.beyond()
    if within is None:
        verdict = Verdict.UNKNOWN if past is None else below(past.interval, TOLERANCE)
        return Headline(Answer.NONE, model, TOLERANCE, None, past, verdict)
    answer = Answer.FOUND if past else Answer.BEYOND
    return Headline(answer, model, TOLERANCE, within, past, below(within.interval, TOLERANCE))


def claims(model: ModelFacts, speeds: Iterable[ModelFacts], shared: Sequence[Ranking]) -> dict[str, Claim]:
    """Every claim the records can be asked about; a claim nobody measured anything for is left out."""
    found = [
        _beats_random(model.main, model.control),
        _worse_than_guessing(model),
        _one_over_other("attention_over_mlp", "attention", "mlp", shared),
        _one_over_other("early_over_late", "early", "late", shared),
        _speed_unchanged(speeds),
    ]
    return {claim.name: claim for claim in found if claim}


def _beats_random(main: Curve | None, control: Curve | None) -> Claim | None:
    """At the largest sparsity both were measured at, the criterion harms less than every random draw."""
    if main is None or control is None:
        return None
    pairs = {p.sparsity: p for p in main.measured}
    shared = [p for p in control.measured if p.sparsity in pairs]
    if not shared:
        return None
    random, chosen = shared[-1], pairs[shared[-1].sparsity]
    verdict = ordered([chosen.interval], [cell.interval for cell in random.measured])
    values = {"sparsity": chosen.sparsity, "criterion": main.criterion, "chosen": chosen.ratio, "random": random.ratio}
    return Claim("beats_random", verdict, {**values, "seeds": len(random.measured)})


def _worse_than_guessing(model: ModelFacts) -> Claim | None:
    """At the largest measured sparsity, the pruned model predicts worse than the unigram model."""
    if model.main is None or not model.main.measured:
        return None
    point = model.main.measured[-1]
    if isinstance(quality := point.measured[0].quality, NotMeasured):
        return None
    dense = quality.value / quality.ratio_to_dense
    interval = point.interval
    verdict = Verdict.UNKNOWN
    if isinstance(interval, Interval):
        verdict = ordered([Interval(low=quality.unigram, high=quality.unigram)], [_scaled(interval, dense)])
    values = {"sparsity": point.sparsity, "perplexity": quality.value, "unigram": quality.unigram}
    return Claim("worse_than_unigram", verdict, {**values, "uniform": quality.uniform})


def _scaled(interval: Interval, factor: float) -> Interval:
    return interval.model_copy(update={"low": interval.low * factor, "high": interval.high * factor})


def _one_over_other(name: str, more: str, less: str, shared: Sequence[Ranking]) -> Claim | None:
    """At equal budget, losing `more` harms more than losing `less`, in every model."""
    verdicts: dict[str, Verdict] = {}
    for ranking in shared:
        one, other = ranking.cell(more), ranking.cell(less)
        if isinstance(one, Cell) and isinstance(other, Cell):
            verdicts[ranking.model] = ordered([other.interval], [one.interval])
    if not verdicts:
        return None
    counts = {v.name.lower(): sum(found is v for found in verdicts.values()) for v in Verdict}
    values = {"more": more, "less": less, "budget": shared[0].budget, "models": len(verdicts), **counts}
    return Claim(name, everywhere(verdicts.values()), {**values, "by_model": verdicts})


def _speed_unchanged(models: Iterable[ModelFacts]) -> Claim | None:
    """Scattered zeros leave decode speed where it was, within the margin, in every cell compared."""
    tables = [model.speed for model in models if model.speed]
    if not tables:
        return None
    rows = [row for table in tables for row in table.pruned]
    relative = [row.relative for row in rows if isinstance(row.relative, float)]
    values = {"margin": EQUIVALENCE, "cells": len(rows), "low": min(relative), "high": max(relative)}
    return Claim("speed_unchanged", everywhere(row.unchanged for row in rows), values)
