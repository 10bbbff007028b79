"""How early the ticket can be told: masks read from the dense network on its way, and what trains under them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from suite.analysis.ticket.seeds import Seeds
from suite.analysis.values import Verdict
from suite.protocol import EARLY, MATCH


@dataclass(frozen=True, slots=True)
class Reading:
    """A mask read at `read`, a share of the dense training, in one step, and the network trained under it.

    `last` and `ticket` are the overlaps with the mask read at the end and with the ticket's, beyond chance: 0 is
    chance, 1 the same mask. `behind_plateau` and `behind_ticket` are its loss less theirs, paired by seed.
    """

    read: float
    losses: Seeds
    last: Seeds
    ticket: Seeds
    behind_plateau: Seeds
    behind_ticket: Seeds

    @property
    def matches(self) -> Verdict:
        """Whether its network matches the plateau dense one, by the test that the ticket's must pass."""
        return self.behind_plateau.under(MATCH)

    @property
    def as_good(self) -> Verdict:
        """Whether its network matches the ticket's."""
        return self.behind_ticket.under(MATCH)


@dataclass(frozen=True, slots=True)
class Readings:
    """Those of one level and rewind, the earliest first.

    They are tested from the latest back, each at 5 %, to the first that does not hold: a fixed sequence.
    """

    level: int
    remaining: float
    rewind: float
    rows: tuple[Reading, ...]

    @property
    def matching(self) -> Reading | None:
        """The earliest one whose network matches the plateau dense one, with all later ones."""
        return _earliest(self.rows, lambda row: row.matches)[0]

    @property
    def as_good(self) -> Reading | None:
        """The earliest one whose network matches the ticket's, with all later ones."""
        return _earliest(self.rows, lambda row: row.as_good)[0]

    @property
    def verdict(self) -> Verdict:
        """Whether the ticket can be read early: a network as good as the ticket's from a mask read within `EARLY`."""
        found, stop = _earliest(self.rows, lambda row: row.as_good)
        if found and found.read <= EARLY:
            return Verdict.HOLDS
        return stop.as_good if stop else Verdict.UNKNOWN


def _earliest(rows: tuple[Reading, ...], test: Callable[[Reading], Verdict]) -> tuple[Reading | None, Reading | None]:
    """The last that holds, going back from the latest reading, and the one that the sequence ended at."""
    found = None
    for row in reversed(rows):
        if test(row) is not Verdict.HOLDS:
            return found, row
        found = row
    return found, None
