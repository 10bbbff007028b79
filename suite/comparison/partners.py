"""Which cell here answers to a cell there, and where none does, why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from suite.analysis.cells import Cell
from suite.comparison.differences import differing
from suite.records.experiment import Experiment

SETTINGS = (
    "context",
    "windows",
    "bos",
    "revision",
    "text",
    "measure",
    "generation",
    "precision",
)  # what may tell a cell from its nearest relative
BESIDE = {"measure", "generation"}  # what leaves all else of a cell as it is
MOST = 2  # of them, beyond which it is another cell


@dataclass(frozen=True, slots=True)
class Partner:
    """The cell to compare with, or None; `note` says what differs in it, or what the nearest relative differs in."""

    cell: Cell | None
    note: str = ""


class Partners:
    """The cells of one side, found by experiment, or by everything but one or two settings of the measurement.

    Only a cell measured in the same way but for *what* was measured, or written, can stand in for one: what both
    measured is comparable then, unless it rests on what was written.
    """

    def __init__(self, cells: Iterable[Cell]) -> None:
        self._by_id: dict[str, Cell] = {}
        self._relatives: dict[str, list[Cell]] = {}
        for cell in cells:
            self._by_id[cell.record.id] = cell
            self._relatives.setdefault(_kinship(cell.experiment), []).append(cell)

    def of(self, there: Cell) -> Partner:
        if (same := self._by_id.get(there.record.id)) is not None:
            return Partner(same)
        nearest: tuple[Cell, dict[str, str]] | None = None
        for cell in self._relatives.get(_kinship(there.experiment), []):
            found = differing(cell.experiment, there.experiment, SETTINGS)
            if nearest is None or _distance(cell, there, found) < _distance(nearest[0], there, nearest[1]):
                nearest = cell, found
        if nearest is None or len(nearest[1]) > MOST:
            return Partner(None)
        cell, found = nearest
        return Partner(cell if found.keys() <= BESIDE else None, "; ".join(found.values()))


def _kinship(experiment: Experiment) -> str:
    return experiment.model_dump_json(exclude=set(SETTINGS))


def _distance(cell: Cell, there: Cell, found: dict[str, str]) -> tuple[int, int, str]:
    """The fewer differences the nearer, then the more measured in common; the id makes it a total order."""
    common = set(cell.experiment.measure) & set(there.experiment.measure)
    return len(found), -len(common), cell.record.id
