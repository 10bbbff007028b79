"""The order of targets by the harm their loss does, decided pair by pair, within one model and across models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from suite.analysis.cells import Cell
from suite.analysis.location import Ranking, ranked_targets
from suite.analysis.paired import above_one, paired, shared_level, within
from suite.analysis.values import Bounds, Claim, NotMeasured, Verdict
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


def ranking_claim(ranking: Ranking | None) -> Claim | None:
    """At equal budget, every two targets of a model differ in the harm their loss does.

    It fails where two of them are certainly equal: their paired interval lies within 1 % of 1.
    """
    if ranking is None or len(ranking.parts) < 2:
        return None
    pairs = list(combinations(ranking.parts, 2))
    level = shared_level(len(pairs))
    found = order(ranking, level)
    open_pairs = [(a, b) for a, b in pairs if found.relation(a.what, b.what) is Verdict.UNKNOWN]
    equal = [(a.what, b.what) for a, b in open_pairs if within(paired(a, b, level), EQUAL_HARM) is Verdict.HOLDS]
    verdict = Verdict.FAILS if equal else Verdict.UNKNOWN if open_pairs else Verdict.HOLDS
    values = {"model": ranking.model, "budget": ranking.budget, "order": found, "equal": tuple(equal)}
    return Claim("ranking", verdict, {**values, "margin": EQUAL_HARM, "pairs": found.pairs, "decided": found.decided})


def same_ranking_claim(shared: Sequence[Ranking]) -> Claim | None:
    """Every pair of targets comes out the same way in every model; opposite ways in two models refute it."""
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
    verdict = Verdict.FAILS if opposed else Verdict.UNKNOWN if undecided else Verdict.HOLDS
    values = {"models": len(shared), "budget": shared[0].budget, "pairs": len(pairs), "orders": orders}
    lists = {"agreed": tuple(agreed), "opposed": tuple(opposed), "open": tuple(undecided)}
    return Claim("same_ranking", verdict, {**values, **lists})


def one_over_other_claim(name: str, more: str, less: str, shared: Sequence[Ranking]) -> Claim | None:
    """At equal budget, losing `more` harms more than losing `less`, in every model."""
    found: dict[str, tuple[Cell, Cell]] = {}
    for ranking in shared:
        one, other = ranking.cell(more), ranking.cell(less)
        if one is not None and other is not None:
            found[ranking.model] = one, other
    if not found:
        return None
    ratios: dict[str, Bounds] = {model: paired(*cells, shared_level(len(found))) for model, cells in found.items()}
    verdicts = {model: above_one(ratio) for model, ratio in ratios.items()}
    counts = {v.name.lower(): sum(seen is v for seen in verdicts.values()) for v in Verdict}
    missing = sum(isinstance(ratio, NotMeasured) for ratio in ratios.values())
    verdict = Verdict.FAILS if counts["fails"] else Verdict.UNKNOWN if counts["unknown"] else Verdict.HOLDS
    values = {"more": more, "less": less, "budget": shared[0].budget, "models": len(verdicts), "missing": missing}
    return Claim(name, verdict, {**values, **counts, "by_model": verdicts})
