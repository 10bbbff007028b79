"""What the experiments took: time, memory and disk, model by model, as the records say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from suite.analysis.cells import Cell
from suite.analysis.models import ModelFacts
from suite.analysis.values import NotMeasured, Number

NO_PEAK = NotMeasured("no experiment measured its peak memory")
NO_FILE = NotMeasured("no experiment wrote the model's file")


@dataclass(frozen=True, slots=True)
class Resources:
    """One model's experiments: `seconds` of all together, without loading; the largest `peak` and `file` among them."""

    model: str
    experiments: int
    seconds: float
    peak: Number
    file: Number


def resources(models: Iterable[ModelFacts]) -> tuple[Resources, ...]:
    """In the order of the models."""
    return tuple(_resources(model.name, model.cells) for model in models)


def _resources(name: str, cells: tuple[Cell, ...]) -> Resources:
    memories = [m for cell in cells if not isinstance(m := cell.memory, NotMeasured)]
    peaks = [float(m.peak_bytes) for m in memories if m.peak_bytes is not None]
    files = [b for cell in cells if isinstance(b := cell.stored_bytes, float)]
    seconds = sum(cell.record.environment.seconds for cell in cells)
    return Resources(name, len(cells), seconds, max(peaks, default=NO_PEAK), max(files, default=NO_FILE))
