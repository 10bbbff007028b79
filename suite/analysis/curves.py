"""Curves: how perplexity grows as more of one target is removed, and where it crosses a limit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from suite.analysis.cells import Cell
from suite.analysis.points import Crossing, Point, coarse
from suite.analysis.values import NotMeasured
from suite.models.anatomy import TARGETS
from suite.protocol import FACTORS, TOLERANCE
from suite.pruning.criteria import Rank, criterion_rank


@dataclass(frozen=True, slots=True)
class Curve:
    """The cells of one criterion on one target, by growing sparsity."""

    model: str
    criterion: str
    what: str
    points: tuple[Point, ...]

    @property
    def measured(self) -> tuple[Point, ...]:
        return tuple(point for point in self.points if isinstance(point.ratio, float))

    @property
    def seeds(self) -> int:
        return max(len(point.cells) for point in self.points)

    def tolerated(self, factor: float = TOLERANCE) -> Point | None:
        """The largest measured sparsity within the factor, all smaller ones being within it too."""
        last = None
        for point in self.measured:
            if not isinstance(point.ratio, float) or point.ratio > factor:
                break
            last = point
        return last

    def beyond(self, factor: float = TOLERANCE) -> Point | None:
        """The first measured point past the factor."""
        return next((p for p in self.measured if isinstance(p.ratio, float) and p.ratio > factor), None)

    def crossing(self, factor: float) -> Crossing:
        last, after = self.tolerated(factor), self.beyond(factor)
        below, above = last.sparsity if last else 0.0, after.sparsity if after else None
        return Crossing(factor, below, above, self._certain_below(factor), self._certain_above(factor))

    def shown(self, factors: Iterable[float] = FACTORS) -> tuple[Point, ...]:
        """The points that a table needs: the coarse ones, and those on either side of each crossing."""
        wanted = set(coarse(point.sparsity for point in self.points))
        for factor in factors:
            found = self.crossing(factor)
            wanted |= {found.below, found.above} if found.above is not None else set()
        return tuple(point for point in self.points if point.sparsity in wanted)

    @property
    def coarse(self) -> tuple[Point, ...]:
        """The points that show the curve's course."""
        wanted = coarse(point.sparsity for point in self.points)
        return tuple(point for point in self.points if point.sparsity in wanted)

    def _certain_below(self, factor: float) -> float | None:
        last = 0.0
        for point in self.measured:
            if isinstance(interval := point.interval, NotMeasured):
                return None
            if interval.high > factor:
                break
            last = point.sparsity
        return last

    def _certain_above(self, factor: float) -> float | None:
        for point in self.measured:
            if isinstance(interval := point.interval, NotMeasured):
                return None
            if interval.low > factor:
                return point.sparsity
        return None


def curves_of(cells: Iterable[Cell]) -> tuple[Curve, ...]:
    """The curves of one model's plain cells (dense and equal-budget cells apart), in the order of the cells."""

    def name(cell: Cell) -> tuple[str, str]:
        return cell.experiment.criterion, cell.what

    chosen = [cell for cell in cells if not cell.experiment.dense and cell.experiment.budget is None]
    curves = []
    for (criterion, what), group in groupby(chosen, key=name):
        members = list(group)
        points = [Point(s, tuple(same)) for s, same in groupby(members, key=lambda cell: cell.sparsity)]
        curves.append(Curve(members[0].model, criterion, what, tuple(points)))
    return tuple(curves)


def breadth(what: str) -> int:
    """The place of a target in the suite's own order, broadest first; freely chosen parts come last."""
    return TARGETS.index(what) if what in TARGETS else len(TARGETS)


def main_curve(curves: Iterable[Curve]) -> Curve | None:
    """The curve a model is judged by: magnitude's before other criteria's and never a random one, of the broadest
    target, with the most points."""

    def preference(curve: Curve) -> tuple[Rank, int, int, str]:
        return criterion_rank(curve.criterion), breadth(curve.what), -len(curve.measured), curve.what

    candidates = [curve for curve in curves if curve.criterion != "random" and curve.measured]
    return min(candidates, key=preference, default=None)
