"""The search for a winning ticket: what the trainings of one network came to, arm against arm, paired by seed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from suite.analysis.cells import Cell
from suite.analysis.provenance import Provenance, provenance
from suite.analysis.ticket.answers import Answers, answers_of
from suite.analysis.ticket.early import Readings
from suite.analysis.ticket.masks import basins_of, orders_of, survivors_of
from suite.analysis.ticket.rivals import early_of, focus_of, matching_of, rewindings_of, rivals_of
from suite.analysis.ticket.rows import Agreement, Basin, Losses, Matched, Matching, Rival, Survivors
from suite.analysis.ticket.seeds import Seeds
from suite.analysis.ticket.trainings import Place, Search, asked_of, searches_of, trained_of
from suite.analysis.values import NotMeasured, Number
from suite.protocol import MATCH
from suite.records.experiment import Arm, Training
from suite.records.trained import Trained

NO_FLOOR = NotMeasured("the text has no grammar that is known")


@dataclass(frozen=True, slots=True)
class TicketFacts:
    """One network trained on one text by one recipe; every tuple by growing level (the densest first), then rewind.

    Args:
        model: what the reports call it.
        recipe: a training of it, but for the `steps` of the dense network that is trained longer, which are
            `plateau_steps`; None where there is only that one.
        floor: the loss of the text's own grammar, nats a token.
        losses: every arm at every level; level 0 is the dense network, of each order of the data, and the plateau.
        matching: down to where the tickets of each rewind match the plateau; the earliest rewind, the initial values,
            first.
        rivals: the ticket of each rewind beside `random-reinit`, `random`, `small-dense` and `learning-rate-rewinding`
            networks.
        rewindings: the ticket of initial values beside those rewound to later.
        survivors: where the weights are that survive at `focus`.
        orders: masks of one initialisation under two orders of the data.
        basins: straight lines from the dense network.
        early: masks read from the dense network on its way.
        focus: the level that questions of one level are asked at: the sparsest at which the ticket of initial values
            matches, or where none does that nearest to `ENOUGH` remaining; None where there is no ticket.
        answers: what the search says to each question; None where there is no ticket.
        cells: the finished trainings; `failed` are the others.
    """

    model: str
    text: str
    recipe: Training | None
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
    focus: Matched | None
    answers: Answers | None
    cells: tuple[Cell, ...]
    failed: tuple[Cell, ...]
    provenance: Provenance
    margin: float = MATCH

    @property
    def examined(self) -> Trained:
        """What any of the trainings came to: its text, windows and tokens are those of all."""
        return trained_of(self.cells[0])

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
        return (*start, *own) if own and arm in ("ticket", "learning-rate-rewinding") else own

    def against(self, arm: Arm, rewind: float = 0.0) -> tuple[Rival, ...]:
        """The ticket beside one arm, by level."""
        return tuple(row for row in self.rivals if (row.arm, row.rewind) == (arm, rewind))


def tickets_of(cells: Iterable[Cell]) -> tuple[TicketFacts, ...]:
    """The searches among these trainings with a finished training in them, that with the most of them first."""
    return tuple(_ticket_facts(search) for search in searches_of(cells) if search.finished)


def _ticket_facts(search: Search) -> TicketFacts:
    matching, rivals, rewindings = matching_of(search), rivals_of(search), rewindings_of(search)
    focus = focus_of(matching)
    orders, basins, early = orders_of(search), basins_of(search), early_of(search)
    first = search.finished[0]
    plateaus = [asked_of(cell).steps for cell in search.cells if asked_of(cell).arm == "dense-longer"]
    others = [asked_of(cell) for cell in search.cells if asked_of(cell).arm != "dense-longer"]
    floors = (trained_of(cell).floor for cell in search.finished)
    return TicketFacts(
        model=first.model,
        text=first.experiment.text.name,
        recipe=others[0] if others else None,
        plateau_steps=max(plateaus, default=None),
        seeds=tuple(sorted({cell.experiment.seed or 0 for cell in search.finished})),
        dense=search.losses(Place()),
        plateau=search.plateau,
        floor=next((floor for floor in floors if floor is not None), NO_FLOOR),
        losses=search.rows(),
        matching=matching,
        rivals=rivals,
        rewindings=rewindings,
        survivors=survivors_of(search, focus, matching[0].rewind if matching else 0.0),
        orders=orders,
        basins=basins,
        early=early,
        focus=focus,
        answers=answers_of(matching, focus, rivals, rewindings, orders, basins, early),
        cells=search.finished,
        failed=search.failed,
        provenance=provenance(search.cells),
    )
