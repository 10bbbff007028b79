"""The ticket held against others, seed by seed: the plateau, its controls, and itself rewound to another point."""

from __future__ import annotations

from dataclasses import replace

from suite.analysis.ticket.early import Reading, Readings
from suite.analysis.ticket.rows import Matched, Matching, Rival
from suite.analysis.ticket.seeds import Seeds
from suite.analysis.ticket.trainings import Place, Search
from suite.protocol import ENOUGH
from suite.records.experiment import CONTROLS
from suite.records.trained import Overlap, Overlaps, Trained

OF_NO_REWIND = ("learning-rate-rewinding", "small-dense")  # arms that stand beside the tickets of every rewind


def matching_of(search: Search) -> tuple[Matching, ...]:
    """The tickets of each rewind beside the plateau."""
    tickets = search.tested("ticket", order=0)
    return tuple(
        Matching(rewind, tuple(_matched(search, place) for place in tickets if place.rewind == rewind))
        for rewind in sorted({place.rewind for place in tickets})
    )


def focus_of(matching: tuple[Matching, ...]) -> Matched | None:
    """The row that questions of one level are asked at: the last that matches, else that nearest to `ENOUGH`."""
    if not matching:
        return None
    first = matching[0]
    return first.last or min(first.rows, key=lambda row: abs(row.remaining - ENOUGH))


def rivals_of(search: Search) -> tuple[Rival, ...]:
    """The ticket beside each control at every level that has both."""
    found = []
    for ticket in search.tested("ticket", order=0):
        for arm in CONTROLS:
            place = replace(ticket, arm=arm, rewind=0.0 if arm in OF_NO_REWIND else ticket.rewind)
            if search.at(place):
                found.append(_rival(search, ticket, place, None))
    return tuple(found)


def rewindings_of(search: Search) -> tuple[Rival, ...]:
    """The ticket of the earliest rewind, the initial values, beside those rewound to later points."""
    tickets = search.tested("ticket", order=0)
    earliest = min((place.rewind for place in tickets), default=0.0)
    later = [place for place in tickets if place.rewind != earliest]
    pairs = ((replace(place, rewind=earliest), place) for place in later)
    return tuple(_rival(search, first, place, place.rewind) for first, place in pairs if search.at(first))


def early_of(search: Search) -> tuple[Readings, ...]:
    """The networks under masks read from the dense network on its way, by level and rewind."""
    places = search.tested("early")
    keys = dict.fromkeys((place.level, place.rewind) for place in places)
    return tuple(
        Readings(
            level,
            search.remaining(level),
            rewind,
            tuple(_reading(search, p, p.read) for p in places if (p.level, p.rewind) == (level, rewind) and p.read),
        )
        for level, rewind in keys
    )


def excess(overlap: Overlap | None) -> float | None:
    """What two masks share beyond chance: 0 is chance, 1 the same mask; None where chance leaves nothing to differ."""
    if overlap is None or overlap.chance >= 1:
        return None
    return (overlap.shared - overlap.chance) / (1 - overlap.chance)


def _matched(search: Search, place: Place) -> Matched:
    losses = search.losses(place)
    return Matched(place.level, search.remaining(place.level), losses, losses.minus(search.plateau))


def _rival(search: Search, ticket: Place, other: Place, other_rewind: float | None) -> Rival:
    ours, theirs = search.losses(ticket), search.losses(other)
    return Rival(
        other.arm,
        ticket.level,
        search.remaining(ticket.level),
        ticket.rewind,
        other_rewind,
        ours,
        theirs,
        theirs.minus(ours),
    )


def _reading(search: Search, place: Place, read: float) -> Reading:
    def beyond(which: str) -> Seeds:
        def value(trained: Trained) -> float | None:
            overlaps: Overlaps = trained.overlaps
            return excess(getattr(overlaps, which))

        return search.seeds(place, value)

    losses = search.losses(place)
    ticket = search.losses(replace(place, arm="ticket", read=None))
    return Reading(read, losses, beyond("last"), beyond("ticket"), losses.minus(search.plateau), losses.minus(ticket))
