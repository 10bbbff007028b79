"""Where each model breaks: the sparsities at which perplexity passes the factors, model beside model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from suite.analysis.curves import Curve, breadth
from suite.analysis.points import Crossing
from suite.analysis.values import NotMeasured, Number
from suite.protocol import FACTORS, TOLERANCE
from suite.pruning.criteria import criterion_rank

UNBOUNDED = NotMeasured("the intervals along a curve do not bound where it crosses the tolerance")


@dataclass(frozen=True, slots=True)
class Broken:
    """One model's crossings by growing factor; `searched` is the largest sparsity it was measured at."""

    model: str
    searched: float
    crossings: tuple[Crossing, ...]

    @property
    def first(self) -> Crossing:
        """The crossing of the tolerance; open (`above` is None) where it was not reached."""
        return self.crossings[0]

    @property
    def reached(self) -> tuple[Crossing, ...]:
        return tuple(crossing for crossing in self.crossings if crossing.above is not None)

    @property
    def open(self) -> Crossing | None:
        """The first of them that was not reached up to the largest measured sparsity."""
        return next((crossing for crossing in self.crossings if crossing.above is None), None)


@dataclass(frozen=True, slots=True)
class Crossings:
    """Models pruned alike, the one that breaks first in front, those that never passed the tolerance last.

    `factors` are those that half of the models were seen to cross, and the tolerance, which one was.
    """

    criterion: str
    what: str
    factors: tuple[float, ...]
    rows: tuple[Broken, ...]

    @property
    def reached(self) -> tuple[Broken, ...]:
        """The models that crossed the tolerance."""
        return tuple(row for row in self.rows if row.first.above is not None)

    @property
    def lowest(self) -> Broken:
        """The model that breaks first."""
        return self.reached[0]

    @property
    def highest(self) -> Broken:
        """Of the models that were seen to break, the one that breaks last."""
        return self.reached[-1]

    @property
    def certain(self) -> tuple[Number, Number]:
        """Bounds, by the 95 % intervals, that hold the tolerance's crossing in every model that reached it."""
        lows = [row.first.certain_below for row in self.reached]
        highs = [row.first.certain_above for row in self.reached]
        low = min((s for s in lows if s is not None), default=0.0)
        high = max((s for s in highs if s is not None), default=1.0)
        return UNBOUNDED if None in lows else low, UNBOUNDED if None in highs else high


def crossings(curves: Iterable[Curve]) -> Crossings | None:
    """The curves of one target in as many models as have one; `blocks` before others, as claims across models use it.

    None unless two models have such a curve and one of them crossed the tolerance.
    """
    groups: dict[tuple[str, str], list[Curve]] = {}
    for curve in curves:
        if curve.criterion != "random" and len(curve.measured) > 1:
            groups.setdefault((curve.criterion, curve.what), []).append(curve)
    shared = {key: found for key, found in groups.items() if len(found) > 1}
    if not shared:
        return None
    criterion, what = min(
        shared, key=lambda key: (key[1] != "blocks", -len(shared[key]), criterion_rank(key[0]), breadth(key[1]), key)
    )
    found = shared[criterion, what]
    passed = {f: sum(curve.crossing(f).above is not None for curve in found) for f in FACTORS}
    if not passed[TOLERANCE]:
        return None
    seen = [f for f in FACTORS if f == TOLERANCE or 2 * passed[f] >= len(found)]
    rows = [_broken(curve, seen) for curve in found]
    return Crossings(criterion, what, tuple(seen), tuple(sorted(rows, key=_endurance)))


def _broken(curve: Curve, factors: Iterable[float]) -> Broken:
    return Broken(curve.model, curve.measured[-1].sparsity, tuple(curve.crossing(factor) for factor in factors))


def _endurance(row: Broken) -> tuple[bool, float, float, str]:
    first = row.first
    return first.above is None, first.below, first.above or 1.0, row.model
