"""Taken out, and not only zero: what whole neurons and layers cost and buy, beside zeros scattered anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import get_args

from suite.analysis.cells import Cell
from suite.analysis.contests import finished
from suite.analysis.curves import Curve, breadth
from suite.analysis.models import ModelFacts
from suite.analysis.paired import above_one
from suite.analysis.speed import comparable, relative_speed, timed_beside, welch
from suite.analysis.values import Bounds, NotMeasured, Number, Verdict
from suite.protocol import SPEED_LEVEL
from suite.pruning.criteria import Structure as Kind

SCATTERED = "scattered"
OTHER_DTYPE = NotMeasured("the dense model was measured in another dtype")
ELSEWHERE = NotMeasured("the dense model was measured on another machine")


@dataclass(frozen=True, slots=True)
class Smaller:
    """One pruned model: how much of it went, what that cost, and what it bought.

    `kind` is the pattern, or `SCATTERED` for single weights; `gone` the share of the model's parameters; `speed` the
    decode speed over the dense model's beside it, with the 90 % Welch interval; `weights` and `peak` the bytes of the
    weights in memory, and of the peak, over the dense model's.
    """

    cell: Cell
    kind: str
    gone: float
    speed: Number
    interval: Bounds
    weights: Number
    peak: Number

    @property
    def criterion(self) -> str:
        return self.cell.experiment.criterion


@dataclass(frozen=True, slots=True)
class Structure:
    """One model's cells, by kind (structured ones first) and the share that went."""

    model: str
    rows: tuple[Smaller, ...]

    def of(self, kind: str) -> tuple[Smaller, ...]:
        return tuple(row for row in self.rows if row.kind == kind)

    @property
    def lines(self) -> tuple[tuple[str, str, tuple[Smaller, ...]], ...]:
        """Each kind and criterion, with its cells (of a random draw the first seed) by the share that went."""
        found: dict[tuple[str, str], dict[float, Smaller]] = {}
        for row in self.rows:
            found.setdefault((row.kind, row.criterion), {}).setdefault(row.cell.sparsity, row)
        return tuple((*key, tuple(sorted(rows.values(), key=lambda r: r.gone))) for key, rows in found.items())


def structure_of(model: ModelFacts) -> Structure | None:
    """None unless something was taken out; beside it stands, for each criterion, the curve of the broadest of the same
    targets, at the same sparsities."""
    cells = [c for c in model.cells if c.experiment.structured and not c.experiment.recovery]
    taken = [_smaller(cell, model.dense) for cell in cells if cell.done and not cell.experiment.baseline_precision]
    if not any(taken):
        return None
    targets = {cell.experiment.what for cell in cells}
    broadest: dict[str, Curve] = {}
    for curve in sorted(model.curves, key=lambda curve: breadth(curve.what)):
        if curve.what in targets and curve.measured:
            broadest.setdefault(curve.criterion, curve)
    asked = {cell.sparsity for cell in cells}
    criteria = {cell.experiment.criterion for cell in cells}
    curves = [curve for criterion, curve in broadest.items() if criterion in criteria]
    scattered = [_smaller(p.cells[0], model.dense) for curve in curves for p in curve.points if p.sparsity in asked]
    rows = [row for row in (*taken, *scattered) if row]
    kinds = (*get_args(Kind), SCATTERED)
    return Structure(model.name, tuple(sorted(rows, key=lambda row: (kinds.index(row.kind), row.cell.order))))


def paces(found: Sequence[Structure]) -> tuple[tuple[Verdict, ...], tuple[float, ...]]:
    """Whether each timed cell that parts were taken out of decodes faster than dense, and at which relative speed; the
    error is shared out."""
    rows = [row for one in found for row in one.rows if row.kind != SCATTERED and isinstance(row.speed, float)]
    level = 1 - (1 - SPEED_LEVEL) / max(len(rows), 1)
    verdicts = tuple(_above(row, level) for row in rows)
    return verdicts, tuple(row.speed for row in rows if isinstance(row.speed, float))


def _above(row: Smaller, level: float) -> Verdict:
    generation = row.cell.generation
    if isinstance(generation, NotMeasured) or generation.dense_decode_tokens_per_s is None:
        return Verdict.UNKNOWN
    return above_one(welch(generation.decode_tokens_per_s, generation.dense_decode_tokens_per_s, level))


def matched(found: Iterable[Structure]) -> list[tuple[Cell, Cell]]:
    """Each structured cell with the scattered one of its criterion that lost the fewest weights of those that lost at
    least as many."""
    pairs: list[tuple[Cell | None, Cell | None]] = []
    for one in found:
        scattered = one.of(SCATTERED)
        for row in one.rows:
            same = [other for other in scattered if other.criterion == row.criterion]
            more = [other for other in same if other.gone >= row.gone - 1e-9]
            if row.kind != SCATTERED and row.criterion != "random" and more:
                pairs.append((min(more, key=lambda other: other.gone).cell, row.cell))
    return finished(pairs)


def _smaller(cell: Cell, dense: Cell | NotMeasured) -> Smaller | None:
    pruned = cell.record.pruning if cell.done else None
    if pruned is None or not isinstance(cell.perplexity, float):
        return None
    beside = timed_beside(cell, [dense] if isinstance(dense, Cell) else [])
    generation = cell.generation
    interval: Bounds = NotMeasured("no dense run was timed under the same conditions")
    if beside and not isinstance(generation, NotMeasured):
        interval = welch(generation.decode_tokens_per_s, beside)
    return Smaller(
        cell,
        cell.experiment.pattern or SCATTERED,
        pruned.model_sparsity,
        relative_speed(cell, [dense] if isinstance(dense, Cell) else []),
        interval,
        *_bytes(cell, dense),
    )


def _bytes(cell: Cell, dense: Cell | NotMeasured) -> tuple[Number, Number]:
    """The bytes of the weights over the dense model's in the same dtype, and of the peak on the same machine."""
    if isinstance(dense, NotMeasured):
        return dense, dense
    ours, theirs = cell.memory, dense.memory
    if isinstance(ours, NotMeasured):
        return ours, ours
    if isinstance(theirs, NotMeasured):
        return theirs, theirs
    dtypes = {one.record.environment.dtype for one in (cell, dense)}
    weights: Number = ours.weights_bytes / theirs.weights_bytes if len(dtypes) == 1 else OTHER_DTYPE
    peak: Number = NotMeasured("the peak of memory was not recorded")
    if not comparable(dense, cell):
        peak = ELSEWHERE
    elif ours.peak_bytes and theirs.peak_bytes:
        peak = ours.peak_bytes / theirs.peak_bytes
    return weights, peak
