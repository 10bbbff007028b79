"""What the search for a ticket came to, row by row: each one place of it, over the seeds that have it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from suite.analysis.ticket.seeds import Seeds
from suite.analysis.values import Bounds, Verdict
from suite.protocol import MATCH, ONE_SIDED
from suite.records.experiment import Arm


@dataclass(frozen=True, slots=True)
class Losses:
    """The held-out losses of one arm at one level; `remaining` is the share of the block weights that survives it."""

    arm: Arm
    level: int
    remaining: float
    rewind: float
    order: int
    read: float | None
    losses: Seeds


@dataclass(frozen=True, slots=True)
class Matched:
    """A ticket beside the plateau dense network: `difference` is its loss over that one's, paired by seed."""

    level: int
    remaining: float
    losses: Seeds
    difference: Seeds

    @property
    def interval(self) -> Bounds:
        """90 %, so that its upper end is the bound of the one-sided test."""
        return self.difference.within(ONE_SIDED)

    @property
    def verdict(self) -> Verdict:
        """Whether it is less than the margin above, at 5 %."""
        return self.difference.under(MATCH)


@dataclass(frozen=True, slots=True)
class Matching:
    """Down to where the tickets of one rewind match: every level beside the plateau, densest first.

    Levels are tested in this order, each at 5 %, up to the first that does not hold: a fixed sequence needs no
    correction. `last` is the sparsest level that matches, `stop` the one that the sequence ended at; each None where
    there is none.
    """

    rewind: float
    rows: tuple[Matched, ...]

    @property
    def stop(self) -> Matched | None:
        return next((row for row in self.rows if row.verdict is not Verdict.HOLDS), None)

    @property
    def last(self) -> Matched | None:
        matching = self.rows[: self.rows.index(self.stop)] if self.stop else self.rows
        return matching[-1] if matching else None

    @property
    def verdict(self) -> Verdict:
        """Whether any ticket matches; where none does, what is known of the densest."""
        if self.last:
            return Verdict.HOLDS
        return self.stop.verdict if self.stop else Verdict.UNKNOWN


@dataclass(frozen=True, slots=True)
class Rival:
    """The ticket beside another network of the same level, paired by seed.

    `arm` is the other one's; a ticket rewound to `other_rewind` where that is not None, else of the ticket's own
    `rewind`. `lead` is the other's loss less the ticket's: above 0 the ticket is ahead.
    """

    arm: Arm
    level: int
    remaining: float
    rewind: float
    other_rewind: float | None
    ticket: Seeds
    other: Seeds
    lead: Seeds

    @property
    def interval(self) -> Bounds:
        """95 %."""
        return self.lead.interval

    @property
    def verdict(self) -> Verdict:
        """Whether the ticket is ahead; `FAILS`: behind."""
        return self.lead.positive


@dataclass(frozen=True, slots=True)
class Survivors:
    """Where the survivors of one level are, means over the seeds' tickets of one rewind.

    `share` is that of the weights of a part in a layer which survive, by part and layer; `overall` that of all block
    weights. `parts` and `layers` are in the network's own order.
    """

    rewind: float
    level: int
    overall: float
    parts: tuple[str, ...]
    layers: tuple[int, ...]
    share: Mapping[tuple[str, int], float]
    seeds: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """Masks of one initialisation under two orders of the data, at one level.

    `shared` is the share of survivors that both keep, `chance` what masks with their survivors in each tensor have in
    common by chance, `excess` is (shared - chance) / (1 - chance): 0 is chance, 1 the same mask.
    """

    level: int
    remaining: float
    rewind: float
    shared: Seeds
    chance: Seeds
    excess: Seeds

    @property
    def verdict(self) -> Verdict:
        """Whether the excess is above 0, by its 95 % interval."""
        return self.excess.positive


@dataclass(frozen=True, slots=True)
class Basin:
    """The straight line from the dense network's values to a ticket's, or to the dense network's of another order.

    `barrier` is the highest loss on it over the higher of its ends, 0 where nothing is higher, nats a token. `course`
    are the mean losses at equal distances, both ends among them; empty where the seeds' are of different lengths.
    """

    level: int
    remaining: float
    rewind: float
    order: int
    barrier: Seeds
    course: tuple[float, ...]

    @property
    def interval(self) -> Bounds:
        """90 %, so that its upper end is the bound of the one-sided test."""
        return self.barrier.within(ONE_SIDED)

    @property
    def verdict(self) -> Verdict:
        """Whether both ends lie in one basin: a barrier below the margin, at 5 %."""
        return self.barrier.under(MATCH)
