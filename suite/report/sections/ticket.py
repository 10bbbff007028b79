"""Is there a winning ticket? The search that trains a network many times, arm beside arm."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from matplotlib.axes import Axes

from suite.analysis.facts import Facts
from suite.analysis.order import OPPOSITE
from suite.analysis.ticket.answers import Answers
from suite.analysis.ticket.early import Reading, Readings
from suite.analysis.ticket.facts import TicketFacts
from suite.analysis.ticket.rows import Agreement, Basin, Matched, Rival
from suite.analysis.ticket.seeds import Seeds
from suite.analysis.values import Bounds, Claim, NotMeasured, Verdict
from suite.models.catalogue import model_title
from suite.protocol import EARLY, MATCH, ONE_SIDED
from suite.records.experiment import Arm
from suite.report.figures.style import Style
from suite.report.figures.survivors import survivors
from suite.report.figures.ticket import ticket
from suite.report.figures.ticket_early import early
from suite.report.format import num, pct, remain, whole
from suite.report.section import Block, Column, Figure, Section, Table
from suite.report.words import bounds, name, start

BEATS: tuple[tuple[Arm, str, str, str], ...] = (
    ("random-reinit", "ticket_beats_fresh", "The ticket’s mask needs the ticket’s own values", "fresh initial values"),
    ("random", "ticket_beats_random", "It matters which weights remain", "a random mask"),
    (
        "small-dense",
        "ticket_beats_small",
        "A sparse network learns better than a small dense one",
        "the small dense one",
    ),
)
ARMS: dict[Arm, str] = {
    "random-reinit": "Random reinit",
    "random": "Random mask",
    "small-dense": "Small dense",
    "learning-rate-rewinding": "LR rewinding",
}


@dataclass(frozen=True, slots=True)
class Tickets:
    """The searches; the one with the most trainings is what is told of."""

    search: TicketFacts
    all: tuple[TicketFacts, ...]

    @property
    def readings(self) -> Readings | None:
        return self.search.answers.readings if self.search.answers else None

    @property
    def rewind(self) -> float:
        return self.search.rewinds[0] if self.search.rewinds else 0.0


def find(facts: Facts) -> Tickets | None:
    return Tickets(facts.tickets[0], facts.tickets) if facts.tickets else None


def claims(found: Tickets) -> Iterable[Claim | None]:
    about = found.search.answers
    if about is None:
        return ()
    return (
        _matches(found.search, about),
        *(_beats(about, *one) for one in BEATS),
        _ahead(
            "rate_rewinding_better",
            "Rewinding the learning rate alone does better than setting weights back",
            about.rivals.get("learning-rate-rewinding"),
        ),
        _ahead(
            "rewinding_helps",
            "Setting weights back to a later point than the start does better",
            about.rewound,
        ),
        _agree(about.agreement),
        _basin(about.basin),
        _early(about.readings),
    )


def _matches(search: TicketFacts, about: Answers) -> Claim:
    row, first = about.at, about.matching
    at = f"{remain(row.remaining)} of the weights, set back to {start(first.rewind)}"
    evidence = f"{at}, end {_known(row.difference, row.interval)} above the dense network trained longer"
    if first.last and first.stop:
        evidence += f"; {remain(first.stop.remaining)} {_denied(first.stop)}"
    if deeper := next((one for one in about.later if one.last), None):
        assert deeper.last is not None
        evidence += f"; set back to {start(deeper.rewind)}, {remain(deeper.last.remaining)} do"
    near = f"which trained alone comes within {num(MATCH, 2)} nats of the whole"
    statement = f"{name(search.model)} holds a winning ticket, {near}"
    short = f"{remain(row.remaining)} of the weights {'do' if first.verdict is Verdict.HOLDS else _denied(row)}"
    return Claim("ticket_matches", statement, first.verdict, evidence, short, {"remaining": row.remaining, "row": row})


def _denied(row: Matched) -> str:
    return "do not" if row.verdict is Verdict.FAILS else "cannot be told"


def _beats(about: Answers, arm: Arm, key: str, statement: str, other: str) -> Claim | None:
    if (row := about.rivals.get(arm)) is None:
        return None
    return Claim(key, statement, row.verdict, f"{_gap(row)}, {other} less the ticket", values={"row": row})


def _ahead(key: str, statement: str, row: Rival | None) -> Claim | None:
    if row is None:
        return None
    return Claim(key, statement, OPPOSITE[row.verdict], f"{_gap(row)}, its loss less the ticket’s", values={"row": row})


def _gap(row: Rival) -> str:
    return f"with {remain(row.remaining)} of the weights {_known(row.lead, row.interval)}"


def _agree(row: Agreement | None) -> Claim | None:
    if row is None:
        return None
    chance = f"{remain(row.chance.mean)} by chance"
    shared = f"at {remain(row.remaining)} remaining they share {remain(row.shared.mean)}, {chance}"
    statement = "From the same initial values, another order of the data finds some of the same ticket"
    return Claim("masks_agree_beyond_chance", statement, row.verdict, shared, values={"row": row})


def _basin(row: Basin | None) -> Claim | None:
    if row is None:
        return None
    said = (
        f"at {remain(row.remaining)} remaining the straight line between them rises {_known(row.barrier, row.interval)}"
    )
    statement = "Dense network and ticket lie in a single basin of the loss"
    return Claim("one_basin", statement, row.verdict, said, values={"row": row})


def _early(row: Readings | None) -> Claim | None:
    if row is None:
        return None
    soon = row.as_good
    said = f"from {pct(soon.read)} of it on" if soon else "at no point of it, as far as can be told"
    statement = f"The mask can be read in the first {pct(EARLY)} of a single dense training"
    evidence = f"{said}, masks train to within {num(MATCH, 2)} nats of the ticket at {remain(row.remaining)} remaining"
    return Claim("ticket_read_early", statement, row.verdict, evidence, said, {"row": row, "remaining": row.remaining})


def _known(seeds: Seeds, interval: Bounds) -> str:
    """A mean over seeds in nats a token with its interval, or that there is none."""
    said = f"{num(seeds.mean, 3)}\u00a0nats a token"
    if isinstance(interval, NotMeasured):
        return f"{said} (a single seed)"
    return f"{said} ({pct(interval.level)} interval {bounds(interval, 3)}, {seeds.n} seeds)"


# Tables


def _network_columns(_found: Tickets) -> list[Column[TicketFacts]]:
    return [
        Column("Network", lambda one: model_title(one.model)),
        Column("Weights", lambda one: one.cells[0].record.model.block_weights, whole),
        Column("Dense", lambda one: one.dense.mean, lambda v: num(v, 3)),
        Column("Trained longer", lambda one: one.plateau.mean, lambda v: num(v, 3), short="Longer"),
        Column("Grammar", lambda one: one.floor, lambda v: num(v, 3)),
        Column("Seeds", lambda one: len(one.seeds), whole),
        Column("Trainings", lambda one: len(one.cells), whole),
    ]


def _matching_columns(_found: Tickets) -> list[Column[tuple[float, Matched]]]:
    return [
        Column("Remaining", lambda row: row[1].remaining, remain),
        Column("Loss", lambda row: row[1].losses.mean, lambda v: num(v, 4)),
        Column("Over longer", lambda row: row[1].difference.mean, lambda v: num(v, 3), short="Over"),
        Column(f"{pct(ONE_SIDED)} interval", lambda row: row[1].interval, lambda v: num(v, 3), short="Interval"),
        Column("Seeds", lambda row: row[1].difference.n, whole),
        Column("Matches", lambda row: row[1].verdict.value),
    ]


def _rival_columns(_found: Tickets) -> list[Column[Rival]]:
    return [
        Column("Remaining", lambda row: row.remaining, remain),
        Column("Beside", lambda row: _beside(row)),
        Column("Set back to", lambda row: pct(row.rewind) if row.rewind else "start", short="Back to"),
        Column("Ticket", lambda row: row.ticket.mean, lambda v: num(v, 4)),
        Column("Other", lambda row: row.other.mean, lambda v: num(v, 4)),
        Column("Ahead by", lambda row: row.lead.mean, lambda v: num(v, 3), short="Lead"),
        Column("Interval", lambda row: row.interval, lambda v: num(v, 3)),
        Column("Ticket ahead", lambda row: row.verdict.value, short="Ahead"),
    ]


def _beside(row: Rival) -> str:
    return ARMS.get(row.arm, row.arm) if row.other_rewind is None else f"set back to {pct(row.other_rewind)}"


def _order_columns(_found: Tickets) -> list[Column[Agreement]]:
    return [
        Column("Remaining", lambda row: row.remaining, remain),
        Column("Set back to", lambda row: pct(row.rewind) if row.rewind else "start", short="Back to"),
        Column("Shared", lambda row: row.shared.mean, remain),
        Column("By chance", lambda row: row.chance.mean, remain),
        Column("Beyond chance", lambda row: row.excess.mean, lambda v: num(v, 3), short="Excess"),
        Column("Interval", lambda row: row.excess.interval, lambda v: num(v, 3)),
    ]


def _basin_columns(_found: Tickets) -> list[Column[Basin]]:
    return [
        Column("Remaining", lambda row: row.remaining, remain),
        Column("Set back to", lambda row: pct(row.rewind) if row.rewind else "start", short="Back to"),
        Column("Order of data", lambda row: str(row.order), short="Order"),
        Column("Barrier", lambda row: row.barrier.mean, lambda v: num(v, 3)),
        Column("Interval", lambda row: row.interval, lambda v: num(v, 3)),
        Column("Single basin", lambda row: row.verdict.value),
    ]


def _early_columns(_found: Tickets) -> list[Column[tuple[Readings, Reading]]]:
    return [
        Column("Remaining", lambda row: row[0].remaining, remain),
        Column("Read at", lambda row: row[1].read, pct),
        Column("Overlap with last", lambda row: row[1].last.mean, lambda v: num(v, 2), short="Last"),
        Column("Overlap with ticket", lambda row: row[1].ticket.mean, lambda v: num(v, 2), short="Ticket"),
        Column("Loss over ticket’s", lambda row: row[1].behind_ticket.mean, lambda v: num(v, 3), short="Over"),
        Column("Interval", lambda row: row[1].behind_ticket.within(ONE_SIDED), lambda v: num(v, 3)),
        Column("As good", lambda row: row[1].as_good.value),
    ]


def _survivor_columns(_found: Tickets) -> list[Column[tuple[str, int, float]]]:
    return [
        Column("Part", lambda row: row[0]),
        Column("Layer", lambda row: row[1], whole),
        Column("Survives", lambda row: row[2], remain),
    ]


def _survivor_rows(found: Tickets) -> list[tuple[str, int, float]]:
    about = found.search.survivors
    places = [(part, layer) for part in about.parts for layer in about.layers] if about else []
    return [(*place, about.share[place]) for place in places if about and place in about.share]


def _tall(found: Tickets) -> float:
    return 60.0 + 14.0 * (len(found.search.survivors.parts) if found.search.survivors else 0)


def _survivors(axes: Axes, found: Tickets, style: Style) -> None:
    assert found.search.survivors is not None
    survivors(axes, found.search.survivors, style)


def _readings(axes: Axes, found: Tickets, style: Style) -> None:
    assert found.readings is not None
    early(axes, found.search, found.readings, style)


SECTION = Section(
    key="ticket",
    title="Is there a winning ticket?",
    find=find,
    claims=claims,
    figures=(
        Figure(
            "ticket",
            lambda axes, found, style: ticket(axes, found.search, style),
            175.0,
            there=lambda found: bool(found.search.matching),
            table="matching",
        ),
        Figure(
            "survivors",
            _survivors,
            _tall,
            there=lambda found: found.search.survivors is not None,
            table="survivors",
            paper=False,
        ),
        Figure(
            "early",
            _readings,
            176.0,
            there=lambda found: found.readings is not None,
            table="early",
            paper=False,
        ),
    ),
    tables=(
        Table("networks", _network_columns, lambda found: found.all),
        Table(
            "matching",
            _matching_columns,
            lambda found: [(one.rewind, row) for one in found.search.matching for row in one.rows],
            by=lambda row: f"Set back to {start(row[0])}",
        ),
        Table("rivals", _rival_columns, lambda found: (*found.search.rivals, *found.search.rewindings)),
        Table("survivors", _survivor_columns, _survivor_rows),
        Table("data_orders", _order_columns, lambda found: found.search.orders),
        Table("basins", _basin_columns, lambda found: found.search.basins),
        Table("early", _early_columns, lambda found: [(one, row) for one in found.search.early for row in one.rows]),
    ),
    poster=Block("below", "ticket", levels=1, there=lambda found: bool(found.search.matching)),
)
