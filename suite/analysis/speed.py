"""Decode speed against the dense model's: compared only where nothing but the zeros differs (protocol rule 17)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from suite.analysis.cells import Cell
from suite.analysis.values import NotMeasured, Number, Verdict, everywhere
from suite.records.schema import Environment, Speed

EQUIVALENCE = 0.03  # speeds this close count as equal


@dataclass(frozen=True, slots=True)
class SpeedRow:
    """Tokens a second while decoding, and relative to the dense model's median."""

    cell: Cell
    decode: Speed
    relative: Number
    unchanged: Verdict


@dataclass(frozen=True, slots=True)
class SpeedTable:
    """The dense model first, then the cells whose speed was measured on the same machine in the same way."""

    model: str
    rows: tuple[SpeedRow, ...]
    refused: int  # cells whose speed was measured, but not so that it may be compared

    @property
    def dense(self) -> Speed:
        return self.rows[0].decode

    @property
    def pruned(self) -> tuple[SpeedRow, ...]:
        return self.rows[1:]

    @property
    def unchanged(self) -> Verdict:
        return everywhere(row.unchanged for row in self.pruned)


def speed_table(dense: Cell | NotMeasured, cells: Iterable[Cell]) -> SpeedTable | None:
    """None unless the dense model and at least one pruned one were timed comparably."""
    if isinstance(dense, NotMeasured) or isinstance(generation := dense.generation, NotMeasured):
        return None
    base = generation.decode_tokens_per_s
    timed = [cell for cell in cells if not cell.experiment.dense and not isinstance(cell.generation, NotMeasured)]
    rows = [SpeedRow(dense, base, 1.0, Verdict.HOLDS)]
    for cell in timed:
        if not isinstance(g := cell.generation, NotMeasured) and _comparable(dense, cell):
            decode = g.decode_tokens_per_s
            rows.append(SpeedRow(cell, decode, decode.median / base.median, _unchanged(decode, base)))
    if len(rows) == 1:
        return None
    return SpeedTable(dense.model, tuple(rows), refused=len(timed) - len(rows) + 1)


def _comparable(one: Cell, other: Cell) -> bool:
    def conditions(environment: Environment) -> tuple[object, ...]:
        e = environment
        return e.hardware, e.device, e.driver, e.threads, e.device_map, e.dtype, e.attention, e.libraries.get("torch")

    return conditions(one.record.environment) == conditions(other.record.environment)


def _unchanged(pruned: Speed, dense: Speed) -> Verdict:
    """Equivalence: holds when the quartile ranges allow no difference above the margin, fails when they demand one."""
    low = pruned.quartiles[0] / dense.quartiles[1]
    high = pruned.quartiles[1] / dense.quartiles[0]
    if low >= 1 - EQUIVALENCE and high <= 1 + EQUIVALENCE:
        return Verdict.HOLDS
    return Verdict.FAILS if high < 1 - EQUIVALENCE or low > 1 + EQUIVALENCE else Verdict.UNKNOWN
