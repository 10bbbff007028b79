"""Values recorded before this suite existed: shown beside measurements with their caveats, and never one of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from suite import declared
from suite.analysis.cells import Cell
from suite.analysis.models import ModelFacts
from suite.analysis.values import NotMeasured
from suite.paths import MANIFESTS

FEBRUARY_2026 = MANIFESTS / "recorded" / "february-2026.yaml"
NO_RECORD = NotMeasured("no finished experiment of this model at this sparsity is among the results")


class _Recorded(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Column(_Recorded):
    """What was recorded of one model: memory in GB as it was printed, `sample` the continuation of the prompt."""

    sparsity: float = Field(ge=0, lt=1)
    hardware: str
    perplexity: float = Field(gt=0)
    tokens_per_s: float = Field(gt=0)
    gpu_memory_gb: float = Field(gt=0)
    linear_layers: int = Field(ge=0)
    coherent: bool
    sample: str


class Recorded(_Recorded):
    """A table of recorded values: the model, the text and what was pruned, as a manifest would name them."""

    title: str
    short: str  # the date, as a label has room for it
    model: str
    text: str
    criterion: str
    target: str
    precision: str
    prompt: str
    columns: list[Column] = Field(min_length=1)
    caveats: list[str]


@dataclass(frozen=True, slots=True)
class Beside:
    """A recorded column, and the cell that was measured in its place."""

    recorded: Column
    measured: Cell | NotMeasured


@cache
def read_recorded(path: Path = FEBRUARY_2026) -> Recorded:
    """The recorded values of a file.

    Raises:
        InputError: the file is not there or does not fit, with its place.
    """
    data, positions = declared.load(path)
    return declared.parse(Recorded, data, positions, "a table of recorded values")


def beside(recorded: Recorded, cells: Iterable[Cell]) -> tuple[Beside, ...]:
    """Each recorded column with the finished cell of the same model, text, target and sparsity."""
    done = [cell for cell in cells if cell.done and _same_study(recorded, cell)]

    def measured(column: Column) -> Cell | NotMeasured:
        return next((cell for cell in done if abs(cell.sparsity - column.sparsity) < 1e-9), NO_RECORD)

    return tuple(Beside(column, measured(column)) for column in recorded.columns)


def recorded_of(recorded: Recorded, model: ModelFacts) -> Recorded | None:
    """The recorded values, where they are of what the model's main curve shows; of any other they would say nothing."""
    curve = model.main
    if curve is None or (model.cells[0].experiment.model, model.text) != (recorded.model, recorded.text):
        return None
    return recorded if (curve.criterion, curve.what) == (recorded.criterion, recorded.target) else None


def _same_study(recorded: Recorded, cell: Cell) -> bool:
    e = cell.experiment
    if (e.model, e.text.name) != (recorded.model, recorded.text):
        return False
    pruned = e.criterion == recorded.criterion and cell.what == recorded.target and e.budget is None
    return e.dense or pruned
