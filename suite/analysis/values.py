"""The values facts are made of: a number or the reason why there is none, and claims that may not be decidable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

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
    FAILS = "does not hold"
    UNKNOWN = "cannot be told"


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim with its verdict. Its three wordings are a template's; `values` are the numbers they may quote."""

    name: str
    verdict: Verdict
    values: Mapping[str, object]

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
