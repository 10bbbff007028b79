"""Decode speed against the dense model's: compared only where nothing but the zeros differs (protocol rule 17), and
over the same number of tokens: each is attended to by those after it.

A pruned model is held against the dense model as it was timed right before and after it, in the same process.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from suite.analysis.cells import Cell
from suite.analysis.paired import within
from suite.analysis.values import Bounds, NotMeasured, Number, Verdict
from suite.protocol import SPEED_LEVEL, SPEED_MARGIN
from suite.records.schema import Environment, Interval, Speed, Telemetry

TOO_FEW = NotMeasured("an interval needs the values of two repeats or more")


@dataclass(frozen=True, slots=True)
class SpeedRow:
    """Tokens a second while decoding, and relative to the dense model's: the geometric means of the repeats.

    `interval` is the 90 % Welch interval of `relative`, from the logarithms of the repeats; `base` the dense model's
    speed it is relative to.
    """

    cell: Cell
    decode: Speed
    base: Speed
    relative: float
    interval: Bounds
    unchanged: Verdict
    board: Telemetry | None


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
    def has_board(self) -> bool:
        """Whether the GPU's own instruments were read."""
        return any(row.board for row in self.rows)

    def row(self, cell: Cell) -> SpeedRow | NotMeasured:
        found = (row for row in self.rows if row.cell.record.id == cell.record.id)
        return next(found, NotMeasured("not timed, or not under the dense model's conditions"))


def speed_table(dense: Cell | NotMeasured, cells: Iterable[Cell]) -> SpeedTable | None:
    """None unless the dense model and at least one pruned one were timed comparably."""
    if isinstance(dense, NotMeasured) or isinstance(generation := dense.generation, NotMeasured):
        return None
    base = generation.decode_tokens_per_s
    timed = [cell for cell in cells if not cell.experiment.dense and not isinstance(cell.generation, NotMeasured)]
    rows = [
        SpeedRow(dense, base, base, 1.0, NotMeasured("compared with itself"), Verdict.HOLDS, generation.gpu_telemetry)
    ]
    for cell in timed:
        beside = timed_beside(cell, [dense])
        if isinstance(g := cell.generation, NotMeasured) or g.new_tokens != generation.new_tokens:
            continue
        if beside is not None:
            decode = g.decode_tokens_per_s
            interval = welch(decode, beside)
            equal = within(interval, SPEED_MARGIN)
            rows.append(SpeedRow(cell, decode, beside, _relative(decode, beside), interval, equal, g.gpu_telemetry))
    if len(rows) == 1:
        return None
    return SpeedTable(dense.model, tuple(rows), refused=len(timed) - len(rows) + 1)


def relative_speed(cell: Cell, dense: Iterable[Cell]) -> Number:
    """Decode speed over the dense model's beside it, or over a dense run's of the same machine and way."""
    if isinstance(generation := cell.generation, NotMeasured):
        return generation
    if (beside := timed_beside(cell, dense)) is None:
        return NotMeasured("no dense run was timed under the same conditions")
    return _relative(generation.decode_tokens_per_s, beside)


def timed_beside(cell: Cell, dense: Iterable[Cell]) -> Speed | None:
    """The dense speed that a cell's is compared with: its own record's, else the first comparable dense run's."""
    if isinstance(generation := cell.generation, NotMeasured):
        return None
    if generation.dense_decode_tokens_per_s is not None:
        return generation.dense_decode_tokens_per_s
    speeds = ((base, base.generation) for base in dense)
    timed = (
        (base, g) for base, g in speeds if not isinstance(g, NotMeasured) and g.new_tokens == generation.new_tokens
    )
    return next((g.decode_tokens_per_s for base, g in timed if comparable(base, cell)), None)


def welch(one: Speed, other: Speed, level: float = SPEED_LEVEL) -> Bounds:
    """The Welch interval of one speed over another, on the logarithms of their repeats, or of their blocks' means.

    Repeats of one block share whatever disturbs the machine just then, so where there are blocks they are what counts.
    Unequal variances are allowed; the degrees of freedom are Welch and Satterthwaite's.
    """
    samples = [_sample(speed) for speed in (one, other)]
    if min(len(sample) for sample in samples) < 2:
        return TOO_FEW
    first, second = (float(sample.var(ddof=1)) / len(sample) for sample in samples)
    half = 0.0
    if first + second > 0:
        freedom = (first + second) ** 2 / (first**2 / (len(samples[0]) - 1) + second**2 / (len(samples[1]) - 1))
        half = float(stdtrit(freedom, (1 + level) / 2)) * math.sqrt(first + second)
    middle = float(samples[0].mean() - samples[1].mean())
    return Interval(low=math.exp(middle - half), high=math.exp(middle + half), level=level)


def _sample(speed: Speed) -> NDArray[np.float64]:
    """The logarithms that are compared: of each repeat, or their means over each block where there are several."""
    logs = np.log(np.asarray(speed.values, dtype=np.float64))
    if speed.blocks == 1:
        return logs
    means: NDArray[np.float64] = logs.reshape(speed.blocks, -1).mean(axis=1)
    return means


def _relative(one: Speed, other: Speed) -> float:
    means = [float(np.log(np.asarray(speed.values or (speed.median,))).mean()) for speed in (one, other)]
    return math.exp(means[0] - means[1])


def comparable(one: Cell, other: Cell) -> bool:
    def conditions(environment: Environment) -> tuple[object, ...]:
        e = environment
        return e.hardware, e.device, e.driver, e.threads, e.device_map, e.dtype, e.attention, e.libraries.get("torch")

    return conditions(one.record.environment) == conditions(other.record.environment)
