"""One way of pruning held against another wherever both were measured, each pair by its windows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from suite.analysis.cells import Cell
from suite.analysis.over_models import mean_over_models
from suite.analysis.paired import above_one, paired, shared_level
from suite.analysis.values import Bounds, NotMeasured, Number, Verdict, graded
from suite.protocol import LEVEL
from suite.records.schema import Interval


@dataclass(frozen=True, slots=True)
class Match:
    """Two cells of one model: `ratio` is the perplexity of `worse` over that of `better`, as the claim has it."""

    better: Cell
    worse: Cell
    ratio: Bounds
    verdict: Verdict

    @property
    def point(self) -> Number:
        """The ratio itself."""
        ours, theirs = self.better.perplexity, self.worse.perplexity
        if isinstance(ours, NotMeasured):
            return ours
        return theirs if isinstance(theirs, NotMeasured) else theirs / ours


@dataclass(frozen=True, slots=True)
class Contest:
    """The comparisons of a claim; the claim's error is shared out among them."""

    matches: tuple[Match, ...]

    def count(self, verdict: Verdict) -> int:
        return sum(match.verdict is verdict for match in self.matches)

    @property
    def verdict(self) -> Verdict:
        return graded(self.count(Verdict.HOLDS), self.count(Verdict.FAILS), self.count(Verdict.UNKNOWN))

    @property
    def against(self) -> Match | None:
        """The first comparison that went the other way."""
        return next((match for match in self.matches if match.verdict is Verdict.FAILS), None)

    @property
    def by_model(self) -> dict[str, float]:
        """Each model's geometric mean of the ratios."""
        logs: dict[str, list[float]] = {}
        for match in self.matches:
            if isinstance(point := match.point, float):
                logs.setdefault(match.better.model, []).append(math.log(point))
        return {model: math.exp(fmean(found)) for model, found in logs.items()}

    @property
    def pooled(self) -> float:
        """The geometric mean over models of each model's."""
        return math.exp(fmean(map(math.log, self.by_model.values())))

    @property
    def interval(self) -> Bounds:
        """The t-interval of `pooled` over models, from the logarithms."""
        found = mean_over_models(list(map(math.log, self.by_model.values())), LEVEL)
        if isinstance(found, NotMeasured):
            return found
        return Interval(low=math.exp(found.low), high=math.exp(found.high), level=found.level)


def contest(pairs: Sequence[tuple[Cell, Cell]], decide: Callable[[Bounds], Verdict] = above_one) -> Contest | None:
    """Hold the second cell of every pair against its first; None where there are none.

    Args:
        pairs: each the cell that the claim says is better, and the other.
        decide: what the interval of worse over better says to the claim.
    """
    level = shared_level(len(pairs))
    matches = tuple(_match(*pair, level, decide) for pair in pairs)
    return Contest(matches) if matches else None


def finished(pairs: Iterable[tuple[Cell | None, Cell | None]]) -> list[tuple[Cell, Cell]]:
    """The pairs of which both have a perplexity."""
    return [
        (one, other)
        for one, other in pairs
        if one and other and isinstance(one.perplexity, float) and isinstance(other.perplexity, float)
    ]


def _match(better: Cell, worse: Cell, level: float, decide: Callable[[Bounds], Verdict]) -> Match:
    ratio = paired(worse, better, level)
    return Match(better, worse, ratio, decide(ratio))
