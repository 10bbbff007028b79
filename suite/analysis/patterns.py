"""Patterns for hardware: what 2:4 and 4:8 cost beside half of the weights anywhere, and what 2:4 kernels did."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from suite.analysis.cells import Cell
from suite.analysis.partners import Places, place, places
from suite.analysis.speed import welch
from suite.analysis.values import Bounds, NotMeasured, Number
from suite.records.schema import SemiStructured

GROUPED = ("4:8", "2:4")  # the looser first
NO_FREE = NotMeasured("half of the weights anywhere was not measured under this criterion")


@dataclass(frozen=True, slots=True)
class Kernels:
    """What 2:4 kernels made of one pruned model, beside dense kernels on the same device at the same time.

    `decode` and `evaluation` are speeds over dense kernels', `weights` the bytes of the weights over the dense ones'.
    `why_not` says why they did not run; nothing is measured then.
    """

    cell: Cell
    section: SemiStructured
    decode: Number
    interval: Bounds
    evaluation: Number
    weights: Number

    @property
    def why_not(self) -> str | None:
        return self.section.why_not


@dataclass(frozen=True, slots=True)
class Grouped:
    """One criterion on one target: half of the weights anywhere, and in each of `GROUPED`; None: not in the study."""

    model: str
    criterion: str
    what: str
    free: Cell | None
    patterns: tuple[Cell | None, ...]
    kernels: Kernels | None

    @property
    def cells(self) -> tuple[Cell | None, ...]:
        """Anywhere first, then each pattern."""
        return (self.free, *self.patterns)


def patterns_of(cells: Iterable[Cell]) -> tuple[Grouped, ...]:
    """A row for each model, target and criterion of which a pattern was measured, in the order of the cells."""
    found = tuple(cells)
    known = places(found)
    rows: dict[object, Cell] = {}
    for cell in found:
        e = cell.experiment
        if e.pattern in GROUPED and not e.baseline_precision and not e.recovery:
            rows.setdefault(place(e, pattern=None), cell)
    return tuple(_grouped(cell, known, found) for cell in rows.values())


def _grouped(cell: Cell, known: Places, cells: Sequence[Cell]) -> Grouped:
    e = cell.experiment
    patterns = tuple(known.get(place(e, pattern=pattern)) for pattern in GROUPED)
    strict = patterns[-1]
    return Grouped(cell.model, e.criterion, e.what, _free(cell, cells), patterns, _kernels(strict) if strict else None)


def _free(cell: Cell, cells: Iterable[Cell]) -> Cell | None:
    """The plain cell of the same criterion, target and sparsity; its sparsity counts over tensors rather than else."""
    e = cell.experiment
    same = [
        other
        for other in cells
        if other.plain
        and (other.model, other.experiment.criterion, other.experiment.what) == (cell.model, e.criterion, e.what)
        and abs(other.sparsity - cell.sparsity) < 1e-9
        and (other.experiment.budget, other.experiment.seed) == (None, e.seed)
    ]
    return min(same, key=lambda other: (other.experiment.scope != "tensor", other.order), default=None)


def _kernels(cell: Cell) -> Kernels | None:
    section = cell.record.semi_structured if cell.done else None
    if section is None:
        return None
    missing = NotMeasured(section.why_not or "not asked for in this experiment")
    decode: Number = missing
    interval: Bounds = missing
    evaluation: Number = missing
    weights: Number = missing
    if section.decode_tokens_per_s and section.dense_kernel_decode_tokens_per_s:
        decode = section.decode_tokens_per_s.median / section.dense_kernel_decode_tokens_per_s.median
        interval = welch(section.decode_tokens_per_s, section.dense_kernel_decode_tokens_per_s)
    if section.evaluation_seconds and section.dense_kernel_evaluation_seconds:
        evaluation = section.dense_kernel_evaluation_seconds / section.evaluation_seconds
    if section.weights_bytes is not None and not isinstance(cell.memory, NotMeasured):
        weights = section.weights_bytes / cell.memory.weights_bytes
    return Kernels(cell, section, decode, interval, evaluation, weights)
