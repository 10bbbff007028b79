"""The search for a winning ticket: what the trainings of one network came to, arm against arm, paired by seed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from suite.analysis.cells import Cell
from suite.analysis.provenance import Provenance
from suite.analysis.ticket_early import Readings
from suite.analysis.ticket_rows import Agreement, Basin, Losses, Matched, Matching, Rival, Survivors
from suite.analysis.ticket_seeds import MARGIN, Seeds
from suite.analysis.values import Claim, Number
from suite.records.experiment import Arm, Training


@dataclass(frozen=True, slots=True)
class TicketFacts:
    """One network trained on one text by one recipe; every tuple by growing level (the densest first), then rewind.

    Args:
        model: what the reports call it.
        recipe: the dense network's training; the plateau's has more steps, `plateau_steps`.
        floor: the loss of the text's own grammar, nats a token.
        losses: every arm at every level; level 0 is the dense network, of each order of the data, and the plateau.
        matching: down to where the tickets of each rewind match the plateau; the earliest rewind, the initial values,
            first.
        rivals: the ticket of each rewind beside `fresh`, `random`, `small` and `rate-rewinding` networks.
        rewindings: the ticket of initial values beside those rewound to later.
        survivors: where the weights are that survive at `focus`.
        orders: masks of one initialisation under two orders of the data.
        basins: straight lines from the dense network.
        early: masks read from the dense network on its way.
        focus: the level that questions of one level are asked at: the sparsest at which the ticket of initial values
            matches, or where none does that nearest to `ENOUGH` remaining; None where there is no ticket.
        cells: the finished trainings; `failed` are the others.
    """

    model: str
    text: str
    recipe: Training
    plateau_steps: int | None
    seeds: tuple[int, ...]
    dense: Seeds
    plateau: Seeds
    floor: Number
    losses: tuple[Losses, ...]
    matching: tuple[Matching, ...]
    rivals: tuple[Rival, ...]
    rewindings: tuple[Rival, ...]
    survivors: Survivors | None
    orders: tuple[Agreement, ...]
    basins: tuple[Basin, ...]
    early: tuple[Readings, ...]
    focus: Losses | None
    claims: tuple[Claim, ...]
    cells: tuple[Cell, ...]
    failed: tuple[Cell, ...]
    provenance: Provenance
    margin: float = MARGIN

    @property
    def matched(self) -> Matched | None:
        """The sparsest ticket of initial values (or of the earliest rewind there is) that matches."""
        return self.matching[0].last if self.matching else None

    @property
    def rewinds(self) -> tuple[float, ...]:
        return tuple(one.rewind for one in self.matching)

    def line(self, arm: Arm, rewind: float = 0.0, order: int = 0) -> tuple[Losses, ...]:
        """One arm's losses by level; tickets and what goes on from them begin with the dense network they come from."""
        own = tuple(
            one for one in self.losses if one.read is None and (one.arm, one.rewind, one.order) == (arm, rewind, order)
        )
        start = [one for one in self.losses if one.arm == "dense" and one.order == order]
        return (*start, *own) if own and arm in ("ticket", "rate-rewinding") else own

    def against(self, arm: Arm, rewind: float = 0.0) -> tuple[Rival, ...]:
        """The ticket beside one arm, by level."""
        return tuple(row for row in self.rivals if (row.arm, row.rewind) == (arm, rewind))


def tickets_of(cells: Iterable[Cell]) -> tuple[TicketFacts, ...]:
    """The searches among the trainings, that with the most finished trainings first."""
    raise NotImplementedError
