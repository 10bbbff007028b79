"""The trainings of one search, each found by what it is of it: arm, level, rewind, order, and where it was read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from suite.analysis.cells import Cell, Subject
from suite.analysis.ticket.rows import Losses
from suite.analysis.ticket.seeds import Seeds
from suite.protocol import DENSE_LONGER
from suite.records.experiment import ARMS, Arm, Training
from suite.records.trained import Trained


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """What makes two trainings of one search the same but for the seed."""

    level: int = 0
    rewind: float = 0.0
    order: int = 0
    read: float | None = None
    arm: Arm = "dense"

    @classmethod
    def of(cls, cell: Cell) -> Place:
        asked = asked_of(cell)
        return cls(asked.level, asked.rewind, asked.order, asked.read, asked.arm)

    @property
    def rank(self) -> tuple[int, int, float, int, float]:
        """A total order: arm by arm, each by level."""
        return ARMS.index(self.arm), self.level, self.rewind, self.order, self.read or 0.0


class Search:
    """The trainings of one network by one recipe.

    Args:
        cells: some of them; those that failed are known to have been asked for, and no more.
    """

    def __init__(self, cells: Iterable[Cell]) -> None:
        self.cells = tuple(cells)
        self.finished = tuple(cell for cell in self.cells if cell.done and cell.record.training)
        self.failed = tuple(cell for cell in self.cells if not cell.done)
        self._by_place: dict[Place, dict[int, Cell]] = {}
        for cell in self.finished:
            self._by_place.setdefault(Place.of(cell), {})[cell.experiment.seed or 0] = cell
        self.places = tuple(sorted(self._by_place, key=lambda place: place.rank))

    def at(self, place: Place) -> dict[int, Cell]:
        """The finished trainings of a place, by seed."""
        return self._by_place.get(place, {})

    def seeds(self, place: Place, value: Callable[[Trained], float | None]) -> Seeds:
        """A number of each training there that has it."""
        found = {seed: value(trained_of(cell)) for seed, cell in self.at(place).items()}
        return Seeds.of({seed: number for seed, number in found.items() if number is not None})

    def losses(self, place: Place) -> Seeds:
        """The held-out losses there, nats a token."""
        return self.seeds(place, lambda trained: trained.loss)

    def tested(self, arm: Arm, **fixed: object) -> tuple[Place, ...]:
        """The places of an arm with trainings in them, those of some values if any are given."""
        return tuple(p for p in self.places if p.arm == arm and all(getattr(p, k) == v for k, v in fixed.items()))

    def remaining(self, level: int) -> float:
        """The share of the block weights that survives a level: as a mask of it has it, else as the recipe has it."""
        for place in self.places:
            if place.level == level and place.arm != "small-dense":
                return 1 - next(iter(self.at(place).values())).sparsity
        return math.prod(1 - asked_of(cell).pruned for cell in self.cells[:1] for _ in range(level))

    def rows(self) -> tuple[Losses, ...]:
        """Every place with what was lost there."""
        return tuple(
            Losses(p.arm, p.level, self.remaining(p.level), p.rewind, p.order, p.read, self.losses(p))
            for p in self.places
        )

    @property
    def plateau(self) -> Seeds:
        return self.losses(Place(arm="dense-longer"))


def asked_of(cell: Cell) -> Training:
    """What was asked of a training; every cell of a search has it."""
    asked = cell.experiment.training
    assert asked is not None
    return asked


def trained_of(cell: Cell) -> Trained:
    """What a finished training came to."""
    trained = cell.record.training
    assert trained is not None
    return trained


def searches_of(cells: Iterable[Cell]) -> tuple[Search, ...]:
    """The trainings by network, text and recipe, those with the most finished first.

    A plateau is trained for longer than the rest: of the recipes that are otherwise its own, it belongs to that of
    which it is most nearly `DENSE_LONGER` times as long. Where one has several, the longest counts.
    """
    found = sorted(cells, key=lambda cell: cell.order)
    groups: dict[tuple[object, ...], dict[int, list[Cell]]] = {}
    for cell in found:
        if asked_of(cell).arm != "dense-longer":
            groups.setdefault(_recipe(cell), {}).setdefault(asked_of(cell).steps, []).append(cell)
    for cell in sorted(found, key=lambda cell: asked_of(cell).steps):
        if asked_of(cell).arm == "dense-longer":
            recipes = groups.setdefault(_recipe(cell), {})
            recipes.setdefault(_nearest(recipes, asked_of(cell).steps), []).append(cell)
    searches = [Search(group) for recipes in groups.values() for group in recipes.values()]
    return tuple(sorted(searches, key=lambda one: (-len(one.finished), one.cells[0].order)))


def _recipe(cell: Cell) -> tuple[object, ...]:
    asked = asked_of(cell).model_copy(
        update={"arm": "dense", "level": 0, "rewind": 0.0, "read": None, "order": 0, "steps": 1}
    )
    return Subject.of(cell.experiment), asked.model_dump_json()


def _nearest(steps: Iterable[int], plateau: int) -> int:
    usual = plateau / DENSE_LONGER
    return min(steps, key=lambda one: abs(math.log(usual / one)), default=max(int(usual), 1))
