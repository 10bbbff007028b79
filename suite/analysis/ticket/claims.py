"""What the search for a ticket says, in claims; each rests on one test at 5 %, at one level.

The level is the sparsest at which the ticket still matches, or the nearest denser one where the other network was
trained: there a ticket is most of one. It is chosen by the ticket's own test against the plateau, which favours the
ticket a little.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from suite.analysis.order import OPPOSITE
from suite.analysis.ticket.early import Readings
from suite.analysis.ticket.rows import Agreement, Basin, Matched, Matching, Rival
from suite.analysis.values import Claim, Verdict
from suite.protocol import EARLY, MATCH

BEATEN = {"random-reinit": "ticket_beats_fresh", "random": "ticket_beats_random", "small-dense": "ticket_beats_small"}


class _Row(Protocol):
    @property
    def level(self) -> int: ...

    @property
    def remaining(self) -> float: ...


R = TypeVar("R", bound=_Row)


def ticket_claims(
    model: str,
    matching: Sequence[Matching],
    focus: Matched | None,
    rivals: Sequence[Rival],
    rewindings: Sequence[Rival],
    orders: Sequence[Agreement],
    basins: Sequence[Basin],
    early: Sequence[Readings],
) -> tuple[Claim, ...]:
    """Those of one search, about the tickets of its earliest rewind; what nothing was trained for is left out.

    Every claim has the values `model`, `margin`, `level`, `remaining` and `rewind`, and the `row` it rests on.
    """
    if focus is None:
        return ()
    first = matching[0]

    def claim(name: str, verdict: Verdict, row: _Row, **values: object) -> Claim:
        shown = {"model": model, "margin": MATCH, "rewind": first.rewind, "row": row, "level": row.level}
        return Claim(name, verdict, {**shown, "remaining": row.remaining, **values})

    found = [
        claim(
            "ticket_matches",
            first.verdict,
            first.last or first.stop or focus,
            last=first.last,
            stop=first.stop,
            levels=len(first.rows),
            later=tuple(matching[1:]),
        )
    ]
    for arm, name in BEATEN.items():
        if row := nearest([row for row in rivals if (row.arm, row.rewind) == (arm, first.rewind)], focus.level):
            found.append(claim(name, row.verdict, row))
    if row := nearest(
        [row for row in rivals if (row.arm, row.rewind) == ("learning-rate-rewinding", first.rewind)], focus.level
    ):
        found.append(claim("rate_rewinding_better", OPPOSITE[row.verdict], row))
    if row := _rewound(rewindings, first, focus):
        found.append(claim("rewinding_helps", OPPOSITE[row.verdict], row, later=row.other_rewind))
    if agreement := nearest([row for row in orders if row.rewind == first.rewind], focus.level):
        found.append(claim("masks_agree_beyond_chance", agreement.verdict, agreement))
    lines = [row for row in basins if row.rewind == first.rewind and not row.order and row.level]
    if basin := nearest(lines, focus.level):
        found.append(claim("one_basin", basin.verdict, basin))
    if readings := nearest([one for one in early if one.rewind == first.rewind], focus.level):
        found.append(claim("ticket_read_early", readings.verdict, readings, early=EARLY))
    return tuple(found)


def nearest(rows: Sequence[R], level: int) -> R | None:
    """The sparsest of the rows that is no sparser than a level, else the densest of them."""
    denser = [row for row in rows if row.level <= level]
    if denser:
        return max(denser, key=lambda row: row.level)
    return min(rows, key=lambda row: row.level, default=None)


def _rewound(rewindings: Sequence[Rival], first: Matching, focus: Matched) -> Rival | None:
    """The ticket beside the one rewound to the earliest later point, where that of initial values matches no more:
    where it matches there is nothing to gain."""
    later = min((row.other_rewind for row in rewindings if row.other_rewind is not None), default=None)
    level = first.stop.level if first.last and first.stop else focus.level
    return nearest([row for row in rewindings if row.other_rewind == later], level)
