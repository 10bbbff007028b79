"""Pruned and rounded: whether the damage of the two adds up, and what rounding does to sparsity.

In nats, rounding a pruned model is additive where it costs what rounding the dense model costs. The perplexity of both
together is held, window by window, against the one that the two alone would make:
PPL(both) PPL(dense) / (PPL(pruned) PPL(rounded)).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from suite.analysis.cells import Cell
from suite.analysis.paired import contrast, shared_level, within
from suite.analysis.partners import place, places
from suite.analysis.values import Bounds, NotMeasured, Number, Verdict
from suite.protocol import EQUAL_HARM
from suite.records.experiment import Dtype, Experiment
from suite.records.schema import Interval, Quantisation

OPEN, LESS, EVEN, MORE = "cannot be told", "less than the sum", "the sum", "more than the sum"


@dataclass(frozen=True, slots=True)
class Together:
    """Pruned alone, rounded alone, and both: `excess` is the perplexity over the one that the two alone would make."""

    model: str
    precision: str
    pruned: Cell
    rounded: Cell
    both: Cell
    excess: Number
    interval: Bounds
    additive: Verdict

    @property
    def sum(self) -> str:
        """What the damage of both is, beside the two added up."""
        if self.additive is Verdict.HOLDS:
            return EVEN
        if self.additive is Verdict.UNKNOWN or not isinstance(self.interval, Interval):
            return OPEN
        return MORE if self.interval.low > 1 else LESS

    @property
    def quantisation(self) -> Quantisation | NotMeasured:
        return self.both.record.quantisation or NotMeasured("what rounding did was not recorded")


@dataclass(frozen=True, slots=True)
class Rounding:
    """One model in one precision: rounded alone, and every cell that was pruned and rounded."""

    model: str
    precision: str
    rounded: Cell
    rows: tuple[Together, ...]

    @property
    def most(self) -> tuple[Together, ...]:
        """The row of the largest sparsity, of each criterion and target."""
        kinds: dict[tuple[str, str], Together] = {}
        for row in sorted(self.rows, key=lambda row: row.pruned.sparsity):
            kinds[row.pruned.experiment.criterion, row.pruned.what] = row
        return tuple(kinds.values())


def roundings_of(dense: Cell | NotMeasured, cells: Iterable[Cell]) -> tuple[Rounding, ...]:
    """One for each precision of which the dense, the rounded and a pruned model were measured; float8 comes first."""
    found = tuple(cells)
    if isinstance(dense, NotMeasured):
        return ()
    known = places(found)
    rows: dict[str, list[tuple[Cell, Cell, Cell]]] = {}
    for both in found:
        e = both.experiment
        if not both.done or e.unpruned or not e.baseline_precision or e.recovery:
            continue
        pruned = known.get(place(e, precision=e.baseline_precision, baseline_precision=None))
        rounded = known.get(_alone(dense, e.precision, e.baseline_precision))
        if pruned and rounded:
            rows.setdefault(e.precision, []).append((pruned, rounded, both))
    level = shared_level(sum(map(len, rows.values())))
    return tuple(
        Rounding(dense.model, name, trios[0][1], tuple(_together(dense, name, *trio, level) for trio in trios))
        for name, trios in sorted(rows.items(), key=lambda pair: not pair[0].startswith("float8"))
    )


def _alone(dense: Cell, precision: str, baseline: Dtype) -> Experiment:
    return place(dense.experiment, precision=precision, baseline_precision=baseline)


def _together(dense: Cell, name: str, pruned: Cell, rounded: Cell, both: Cell, level: float) -> Together:
    values = [cell.perplexity for cell in (both, dense, pruned, rounded)]
    numbers = [math.log(value) for value in values if isinstance(value, float)]
    excess: Number = both.missing
    if len(numbers) == len(values):
        excess = math.exp(numbers[0] + numbers[1] - numbers[2] - numbers[3])
    nats = contrast((both, dense), (pruned, rounded), level)
    interval: Bounds = nats
    if isinstance(nats, Interval):
        interval = Interval(low=math.exp(nats.low), high=math.exp(nats.high), level=nats.level)
    return Together(dense.model, name, pruned, rounded, both, excess, interval, within(interval, EQUAL_HARM))
