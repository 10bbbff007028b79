"""The values facts are made of: a number or the reason why there is none, and claims that may not be decidable."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from suite.protocol import SIGN_LEVEL
from suite.records.schema import Interval


class MissingResultError(KeyError):
    """A figure or a template asked for a result that no record holds and that was not declared as not measured."""


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """Stands where a number would; printed as a grey n/m, never as a guess."""

    reason: str


Number = float | NotMeasured
Bounds = Interval | NotMeasured


class Verdict(StrEnum):
    """What the records say about a claim. `UNKNOWN` wherever an interval is missing or too wide to decide."""

    HOLDS = "holds"
    MOSTLY = "mostly"
    MIXED = "mixed"
    FAILS = "does not hold"
    UNKNOWN = "cannot be told"


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim that was fixed beforehand, and what the records say to it.

    Attributes:
        statement: a sentence without its full stop, the same whatever the records say.
        evidence: what the verdict rests on, in numbers; continues the sentence.
        short: the same in a few words, where the whole has no room.
        values: the numbers that it quotes, by name.
    """

    name: str
    statement: str
    verdict: Verdict
    evidence: str
    short: str = ""
    values: Mapping[str, object] = field(default_factory=dict)

    def __getitem__(self, key: str) -> object:
        try:
            return self.values[key]
        except KeyError:
            raise MissingResultError(f"claim {self.name!r} has no value {key!r}, only {sorted(self.values)}") from None


def below(interval: Bounds, limit: float) -> Verdict:
    """Whether a quantity known by its interval lies at or below a limit."""
    if isinstance(interval, NotMeasured):
        return Verdict.UNKNOWN
    if interval.high <= limit:
        return Verdict.HOLDS
    return Verdict.FAILS if interval.low > limit else Verdict.UNKNOWN


def everywhere(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict on "in every case": one counterexample decides, one open case leaves it open."""
    found = list(verdicts)
    if Verdict.FAILS in found:
        return Verdict.FAILS
    return Verdict.HOLDS if found and all(v is Verdict.HOLDS for v in found) else Verdict.UNKNOWN


def graded(wins: int, losses: int, undecided: int) -> Verdict:
    """The verdict on a claim over many comparisons, each decided by its interval: a win, a loss, or neither.

    It holds where every comparison is won. It mostly holds where wins outnumber losses by a sign test and are more than
    half of all. It does not hold where losses outnumber wins by a sign test. Otherwise the records are mixed where some
    are won and some lost, and do not tell where none is won, or none lost.
    """
    count = wins + losses + undecided
    if count and wins == count:
        return Verdict.HOLDS
    if count and losses == count:
        return Verdict.FAILS
    decided = sign_test(wins, losses) < SIGN_LEVEL
    if decided and 2 * wins > count:
        return Verdict.MOSTLY
    if decided and losses > wins:
        return Verdict.FAILS
    return Verdict.MIXED if wins and losses else Verdict.UNKNOWN


def sign_test(wins: int, losses: int) -> float:
    """The two-sided p-value that wins and losses are equally likely, ties left out."""
    count = wins + losses
    if count == 0:
        return 1.0
    tail: float = sum(math.comb(count, k) for k in range(min(wins, losses) + 1)) / 2**count
    return min(1.0, 2 * tail)
