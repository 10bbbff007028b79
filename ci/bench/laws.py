"""How cost grows with size: a power law through what was measured, by least squares on logarithms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from scipy import stats

from suite.bench.figures import Row, Stage, at_most

TOLERANCE = 0.1  # of an exponent: what noise and better use of the machine at some sizes make of it
NEAR = 1.25  # a cost within this factor of the expected law's has no constant part to speak of


@dataclass(frozen=True)
class Law:
    """Cost = c * size ** exponent, fitted; `low` and `high` are the exponent's 95 % confidence interval.

    `holds_from` is the smallest size from which on every cost lies near the expected law through the largest size's;
    below it, constant costs dominate.
    """

    exponent: float
    low: float
    high: float
    holds_from: float


def fit(sizes: Sequence[float], costs: Sequence[float], expected: float) -> Law:
    """The power law through costs at growing sizes, both positive; three at least."""
    found = stats.linregress(np.log(sizes), np.log(costs))
    spread = float(stats.t.ppf(0.975, len(sizes) - 2) * found.stderr)
    law = [costs[-1] * (size / sizes[-1]) ** expected for size in sizes]
    far = [index for index, cost in enumerate(costs) if not 1 / NEAR <= cost / law[index] <= NEAR]
    exponent = float(found.slope)
    return Law(exponent, exponent - spread, exponent + spread, sizes[far[-1] + 1 if far else 0])


@dataclass(frozen=True)
class Growth:
    """A cost, in `unit`, at growing sizes of `against`; `costs` holds every repeat. At most the expected exponent is
    what is wanted."""

    stage: Stage
    what: str
    against: str
    unit: str
    sizes: tuple[float, ...]
    costs: tuple[tuple[float, ...], ...]
    expected: float = 1.0

    @property
    def medians(self) -> list[float]:
        return [median(costs) for costs in self.costs]

    @property
    def law(self) -> Law:
        return fit(self.sizes, self.medians, self.expected)

    @property
    def words(self) -> str:
        """From which size on the law holds, and the costs at both ends."""
        first, last = self.medians[0], self.medians[-1]
        where = "at every size" if (start := self.law.holds_from) == self.sizes[0] else f"from {start:,.0f} on"
        if start == self.sizes[-1]:
            where = "at no two sizes"
        ends = f"{first:.3g} {self.unit} at {self.sizes[0]:,.0f}, {last:.3g} {self.unit} at {self.sizes[-1]:,.0f}"
        return f"near {self.expected:g} {where}; {ends} {self.against}"

    def row(self) -> Row:
        """The exponent, its interval in place of a spread."""
        law = self.law
        return Row(
            stage="growth",
            what=f"{self.stage}: {self.what}, against {self.against}",
            value=law.exponent,
            unit="exponent",
            low=law.low,
            high=law.high,
            repeats=len(self.costs[0]),
            target=at_most(self.expected + TOLERANCE),
            note=self.words,
        )
