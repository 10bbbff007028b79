"""The mass that can go: how many weights each target can lose before perplexity grows by a factor (rule 22)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from suite.analysis.curves import Curve
from suite.analysis.order import Order
from suite.analysis.points import Crossing
from suite.analysis.values import Verdict
from suite.protocol import MASS_FACTORS
from suite.pruning.criteria import criterion_rank


@dataclass(frozen=True, slots=True)
class Mass:
    """Removable weights as a share of the blocks' weights: at least `low`, less than `high` (None: not reached).

    `certain_low` and `certain_high` are the same by the 95 % intervals of the curve's points, None where these decide
    nothing.
    """

    crossing: Crossing
    low: float
    high: float | None
    certain_low: float | None
    certain_high: float | None


@dataclass(frozen=True, slots=True)
class Removable:
    """One target of a model: its weights as a share of the blocks', and its mass for each of `MASS_FACTORS`."""

    what: str
    share: float
    masses: tuple[Mass, ...]


def removable(curves: Iterable[Curve]) -> tuple[Removable, ...]:
    """What each target with a curve can lose under a model's first criterion, the least removable first."""
    chosen = [curve for curve in curves if curve.criterion != "random" and len(curve.measured) > 1]
    criterion = min((curve.criterion for curve in chosen), key=criterion_rank, default=None)
    found = [one for curve in chosen if curve.criterion == criterion and (one := _removable(curve))]
    return tuple(sorted(found, key=lambda one: (*map(_place, one.masses), one.what)))


def orders_by_mass(model: str, found: Iterable[Removable]) -> tuple[Order, ...]:
    """The order of a model's targets for each factor, the least removable first.

    Only true parts of the blocks are ordered; a pair is decided where the bounds by the intervals do not overlap.
    """
    parts = [one for one in found if one.what not in ("all", "blocks")]
    orders = []
    for index in range(len(MASS_FACTORS)):
        line = sorted(parts, key=lambda one: (_place(one.masses[index]), one.what))
        relations = {(a.what, b.what): _less(a.masses[index], b.masses[index]) for a, b in combinations(line, 2)}
        orders.append(Order(model, tuple(one.what for one in line), relations))
    return tuple(orders)


def _removable(curve: Curve) -> Removable | None:
    records = [cell.record for point in curve.measured for cell in point.measured]
    weights = next((record.pruning.weights for record in records if record.pruning), None)
    if weights is None:
        return None
    share = weights / records[0].model.block_weights

    def mass(factor: float) -> Mass:
        found = curve.crossing(factor)
        ends = (found.above, found.certain_below, found.certain_above)
        return Mass(found, found.below * share, *(None if end is None else end * share for end in ends))

    return Removable(curve.what, share, tuple(mass(factor) for factor in MASS_FACTORS))


def _place(mass: Mass) -> tuple[bool, float]:
    """By what can go; a target whose limit was not reached comes after those whose limit is known."""
    return mass.high is None, mass.low


def _less(one: Mass, other: Mass) -> Verdict:
    """Whether less of one can go than of the other."""
    if _apart(one.certain_high, other.certain_low):
        return Verdict.HOLDS
    return Verdict.FAILS if _apart(other.certain_high, one.certain_low) else Verdict.UNKNOWN


def _apart(high: float | None, low: float | None) -> bool:
    return high is not None and low is not None and high <= low
