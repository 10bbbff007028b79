"""Points of a curve, and where between them it crosses a limit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from suite.analysis.cells import Cell
from suite.analysis.values import Bounds, NotMeasured, Number
from suite.protocol import FINEST

COARSE = 0.05  # sparsity; of a long curve, the points at whole multiples of it show its course
SHORT = 8  # points, of a curve that is shown whole


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

    `below` is 0.0 when the smallest measured sparsity is already beyond; `above` is None when none is. The text's
    uncertainty allows the crossing to lie above `certain_below`, the largest sparsity up to which every 95 % interval
    stays at or below the factor, and at most at `certain_above`, the first whose interval lies wholly above it. Each
    is None where an interval that decides it is missing (`certain_above` also where no interval lies wholly above).
    """

    factor: float
    below: float
    above: float | None
    certain_below: float | None = None
    certain_above: float | None = None

    @property
    def exact(self) -> bool:
        """Whether it is known to 1 % sparsity."""
        return self.above is not None and self.above - self.below <= FINEST + 1e-9


def coarse(sparsities: Iterable[float]) -> frozenset[float]:
    """Of many sparsities, those at whole multiples of 5 % and the last; a search adds others, close together."""
    found = sorted(set(sparsities))
    if len(found) <= SHORT:
        return frozenset(found)
    return frozenset(s for s in found if abs(s / COARSE - round(s / COARSE)) < 1e-6) | {found[-1]}
