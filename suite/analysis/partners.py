"""The cell that differs from another in what is asked about, and in nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from suite.analysis.cells import Cell
from suite.records.experiment import Continuation, Experiment

Places = Mapping[Experiment, Cell]


def place(experiment: Experiment, **changes: Any) -> Experiment:
    """The experiment with some of its fields changed, whatever was measured and written in it."""
    return experiment.model_copy(update={"measure": (), "generation": Continuation(), **changes})


def places(cells: Iterable[Cell]) -> Places:
    """The finished cells by what was asked for."""
    return {place(cell.experiment): cell for cell in cells if cell.done}
