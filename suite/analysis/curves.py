"""Curves: how perplexity grows as more of one target is removed, and where it crosses a limit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean

from suite.analysis.cells import TARGETS, Cell
from suite.analysis.values import Bounds, NotMeasured, Number

TOLERANCE = 1.1  # the perplexity ratio that still counts as unharmed
FACTORS = (TOLERANCE, 2.0, 10.0)  # the crossings every curve is asked for (protocol rule 22)


@dataclass(frozen=True, slots=True)
class Point:
    """One sparsity of a curve: one cell, or one for each seed."""

    sparsity: float
    cells: tuple[Cell, ...]

    @property
    def measured(self) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if isinstance(cell.perplexity, float))

    @property
    def perplexity(self) -> Number:
        """The mean over the seeds that finished."""
        return self._mean([cell.perplexity for cell in self.measured])

    @property
    def ratio(self) -> Number:
        return self._mean([cell.ratio for cell in self.measured])

    @property
    def spread(self) -> tuple[float, float]:
        """Smallest and largest perplexity over the seeds; call it only on a measured point."""
        values = [value for cell in self.measured if isinstance(value := cell.perplexity, float)]
        return min(values), max(values)

    @property
    def interval(self) -> Bounds:
        if len(self.cells) == 1:
            return self.cells[0].interval
        return NotMeasured("an interval over the text says nothing about the spread of seeds")

    def _mean(self, values: list[Number]) -> Number:
        numbers = [value for value in values if isinstance(value, float)]
        return fmean(numbers) if numbers else self.cells[0].missing


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where a curve first exceeds `factor` times the dense perplexity: above `below`, at `above` at the latest.

    `below` is 0.0 when the smallest measured sparsity is already beyond; `above` is None when none is.
    """

    factor: float
    below: float
    above: float | None


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
        return Crossing(factor, last.sparsity if last else 0.0, after.sparsity if after else None)


def curves_of(cells: Iterable[Cell]) -> tuple[Curve, ...]:
    """The curves of one model's cells (dense and equal-budget cells apart), in the order of the cells."""

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
    """The curve a model is judged by: not a random one, of the broadest target, with the most points."""

    def preference(curve: Curve) -> tuple[int, int, str]:
        return breadth(curve.what), -len(curve.measured), curve.what

    candidates = [curve for curve in curves if curve.criterion != "random" and curve.measured]
    return min(candidates, key=preference, default=None)
