"""The order of targets by the harm their loss does, decided pair by pair, within one model and across models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from suite.analysis.cells import Cell
from suite.analysis.location import Ranking, ranked_targets
from suite.analysis.paired import above_one, paired, shared_level, within
from suite.analysis.values import Verdict
from suite.protocol import EQUAL_HARM

OPPOSITE = {Verdict.HOLDS: Verdict.FAILS, Verdict.FAILS: Verdict.HOLDS, Verdict.UNKNOWN: Verdict.UNKNOWN}
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Order:
    """Targets of one model, most harmful first; `relations` says of each pair whether its first one harms more."""

    model: str
    targets: tuple[str, ...]
    relations: Mapping[Pair, Verdict]

    def relation(self, one: str, other: str) -> Verdict:
        """Whether losing `one` harms more than losing `other`."""
        if (one, other) in self.relations:
            return self.relations[one, other]
        return OPPOSITE[self.relations[other, one]]

    @property
    def steps(self) -> tuple[tuple[str, str], ...]:
        """Each target with the sign before it: `>` where it is decided against its neighbour, else `≈`."""
        signs = [">" if self.relation(a, b) is Verdict.HOLDS else "≈" for a, b in pairwise(self.targets)]
        return tuple(zip(["", *signs], self.targets, strict=True))

    @property
    def decided(self) -> int:
        """How many of the pairs are decided."""
        return sum(verdict is not Verdict.UNKNOWN for verdict in self.relations.values())

    @property
    def pairs(self) -> int:
        return len(self.relations)


def order(ranking: Ranking, level: float, targets: Iterable[str] | None = None) -> Order:
    """The order of a ranking's parts (or of those `targets` of them), each pair by its paired interval at `level`."""
    wanted = None if targets is None else set(targets)
    cells = [cell for cell in ranking.parts if wanted is None or cell.what in wanted]
    relations = {(a.what, b.what): above_one(paired(a, b, level)) for a, b in combinations(cells, 2)}
    return Order(ranking.model, tuple(cell.what for cell in cells), relations)


@dataclass(frozen=True, slots=True)
class Ordered:
    """The parts of one model at equal budget: their order, and the pairs that are certainly equal."""

    order: Order
    equal: tuple[Pair, ...]

    @property
    def undecided(self) -> int:
        return self.order.pairs - self.order.decided - len(self.equal)


def ordered(ranking: Ranking) -> Ordered | None:
    """The order of a ranking's parts, the error shared out among the pairs; None with fewer than two parts.

    Two parts are equal where their paired interval lies within `EQUAL_HARM` of 1.
    """
    pairs = list(combinations(ranking.parts, 2))
    if not pairs:
        return None
    level = shared_level(len(pairs))
    found = order(ranking, level)
    undecided = [(a, b) for a, b in pairs if found.relation(a.what, b.what) is Verdict.UNKNOWN]
    equal = [(a.what, b.what) for a, b in undecided if within(paired(a, b, level), EQUAL_HARM) is Verdict.HOLDS]
    return Ordered(found, tuple(equal))


@dataclass(frozen=True, slots=True)
class Shared:
    """The order of the same targets in several models.

    Pairs come out alike in all of them, opposite ways in two of them (which are named), or are not decided everywhere.
    """

    orders: tuple[Order, ...]
    agreed: tuple[Pair, ...]
    opposed: tuple[tuple[str, str, str, str], ...]
    undecided: tuple[Pair, ...]

    @property
    def pairs(self) -> int:
        return len(self.agreed) + len(self.opposed) + len(self.undecided)


def shared_order(shared: Sequence[Ranking]) -> Shared | None:
    """None unless two models have two targets in common; the error is shared out among all pairs and models."""
    everywhere = [w for w in ranked_targets(shared) if all(w in [c.what for c in r.parts] for r in shared)]
    pairs = list(combinations(everywhere, 2))
    if len(shared) < 2 or not pairs:
        return None
    level = shared_level(len(pairs) * len(shared))
    orders = tuple(order(ranking, level, everywhere) for ranking in shared)
    agreed, opposed, undecided = [], [], []
    for pair in pairs:
        more = [found.model for found in orders if found.relation(*pair) is Verdict.HOLDS]
        less = [found.model for found in orders if found.relation(*pair) is Verdict.FAILS]
        if more and less:
            opposed.append((*pair, more[0], less[0]))
        elif len(orders) in (len(more), len(less)):
            agreed.append(pair)
        else:
            undecided.append(pair)
    return Shared(orders, tuple(agreed), tuple(opposed), tuple(undecided))


def one_over_other(more: str, less: str, shared: Sequence[Ranking]) -> tuple[Verdict, ...]:
    """Whether losing `more` harms more than losing `less` at equal budget, in each model that lost both."""
    found: dict[str, tuple[Cell, Cell]] = {}
    for ranking in shared:
        one, other = ranking.cell(more), ranking.cell(less)
        if one is not None and other is not None:
            found[ranking.model] = one, other
    return tuple(above_one(paired(*cells, shared_level(len(found)))) for cells in found.values())
