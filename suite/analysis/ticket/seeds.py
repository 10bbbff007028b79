"""One quantity measured once for each seed, and what that tells: of one seed nothing, of several a t-interval.

Everything about trainings is paired by seed: two arms of one seed began with the same values and saw the same data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from suite.analysis.values import Bounds, NotMeasured, Number, Verdict
from suite.protocol import LEVEL, ONE_SIDED
from suite.records.schema import Interval

NONE = NotMeasured("no training of it is among the results")
UNPAIRED = NotMeasured("no seed has both")
ONE_SEED = NotMeasured("one seed tells nothing of the spread")


@dataclass(frozen=True, slots=True)
class Seeds:
    """A number for each seed that has one, by seed. Losses, and their differences, are in nats a token."""

    values: tuple[tuple[int, float], ...]
    missing: NotMeasured = NONE  # why there is none, where there is none

    @classmethod
    def of(cls, found: Mapping[int, float], missing: NotMeasured = NONE) -> Seeds:
        return cls(tuple(sorted(found.items())), missing)

    @property
    def numbers(self) -> tuple[float, ...]:
        return tuple(value for _, value in self.values)

    @property
    def by_seed(self) -> dict[int, float]:
        return dict(self.values)

    @property
    def n(self) -> int:
        """How many seeds."""
        return len(self.values)

    @property
    def mean(self) -> Number:
        return math.fsum(self.numbers) / self.n if self.values else self.missing

    @property
    def spread(self) -> Number:
        """The sample's standard deviation."""
        if self.n < 2:
            return ONE_SEED if self.values else self.missing
        return float(np.std(self.numbers, ddof=1))

    @property
    def low(self) -> Number:
        return min(self.numbers, default=self.missing)

    @property
    def high(self) -> Number:
        return max(self.numbers, default=self.missing)

    @property
    def interval(self) -> Bounds:
        """The 95 % t-interval of the mean."""
        return self.within(LEVEL)

    def within(self, level: float) -> Bounds:
        """The two-sided t-interval of the mean at a level."""
        if isinstance(spread := self.spread, NotMeasured) or isinstance(mean := self.mean, NotMeasured):
            return ONE_SEED if self.values else self.missing
        half = float(stdtrit(self.n - 1, (1 + level) / 2)) * spread / math.sqrt(self.n)
        return Interval(low=mean - half, high=mean + half, level=level)

    def minus(self, other: Seeds) -> Seeds:
        """The paired differences, of the seeds that both have."""
        theirs = other.by_seed
        missing = self.missing if not self.values else other.missing if not other.values else UNPAIRED
        return Seeds(tuple((seed, value - theirs[seed]) for seed, value in self.values if seed in theirs), missing)

    def map(self, change: Callable[[float], float]) -> Seeds:
        return Seeds(tuple((seed, change(value)) for seed, value in self.values), self.missing)

    def under(self, limit: float) -> Verdict:
        """Whether the mean is below a limit, by the one-sided t-test at 5 %; `FAILS`: it is above, by the other one."""
        if isinstance(interval := self.within(ONE_SIDED), NotMeasured):
            return Verdict.UNKNOWN
        if interval.high < limit:
            return Verdict.HOLDS
        return Verdict.FAILS if interval.low > limit else Verdict.UNKNOWN

    @property
    def positive(self) -> Verdict:
        """Whether the mean is above 0, by its 95 % interval; `FAILS`: it is below."""
        if isinstance(interval := self.interval, NotMeasured):
            return Verdict.UNKNOWN
        if interval.low > 0:
            return Verdict.HOLDS
        return Verdict.FAILS if interval.high < 0 else Verdict.UNKNOWN
