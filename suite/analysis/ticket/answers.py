"""What the search for a ticket answers, each question at one level.

The level is the sparsest at which the ticket still matches, or the nearest denser one where the other network was
trained: there a ticket is most of one. It is chosen by the ticket's own test against the plateau, which favours the
ticket a little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from suite.analysis.ticket.early import Readings
from suite.analysis.ticket.rows import Agreement, Basin, Matched, Matching, Rival
from suite.records.experiment import Arm


class _Row(Protocol):
    @property
    def level(self) -> int: ...

    @property
    def remaining(self) -> float: ...


R = TypeVar("R", bound=_Row)


@dataclass(frozen=True, slots=True)
class Answers:
    """About the tickets of the earliest rewind; what nothing was trained for is None, or not there.

    Attributes:
        matching: down to where they match the plateau; `later` are those of later rewinds.
        at: the row that it rests on.
        rivals: the ticket beside each control.
        rewound: the ticket beside the one rewound to the earliest later point.
        agreement: masks under two orders of the data.
        basin: the straight line from the dense network to the ticket.
        readings: masks read from the dense network on its way.
    """

    matching: Matching
    later: tuple[Matching, ...]
    at: Matched
    rivals: Mapping[Arm, Rival]
    rewound: Rival | None
    agreement: Agreement | None
    basin: Basin | None
    readings: Readings | None


def answers_of(
    matching: Sequence[Matching],
    focus: Matched | None,
    rivals: Sequence[Rival],
    rewindings: Sequence[Rival],
    orders: Sequence[Agreement],
    basins: Sequence[Basin],
    early: Sequence[Readings],
) -> Answers | None:
    """None where there is no ticket."""
    if focus is None:
        return None
    first = matching[0]
    rewind = first.rewind
    arms = dict.fromkeys(row.arm for row in rivals)
    beside = {arm: nearest([r for r in rivals if (r.arm, r.rewind) == (arm, rewind)], focus.level) for arm in arms}
    lines = [row for row in basins if row.rewind == rewind and not row.order and row.level]
    return Answers(
        matching=first,
        later=tuple(matching[1:]),
        at=first.last or first.stop or focus,
        rivals={arm: row for arm, row in beside.items() if row},
        rewound=_rewound(rewindings, first, focus),
        agreement=nearest([row for row in orders if row.rewind == rewind], focus.level),
        basin=nearest(lines, focus.level),
        readings=nearest([one for one in early if one.rewind == rewind], focus.level),
    )


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
