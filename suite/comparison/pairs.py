"""What a comparison of two results folders is made of: sides, pairs of cells, pairs of claims."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from suite.analysis.cells import Cell
from suite.analysis.values import NotMeasured, Number, Verdict
from suite.comparison.checks import Check, Outcome
from suite.comparison.tolerance import allowed, summed
from suite.records import Damage, Experiment, Record

NOISY = (  # claims that rest on speeds, which decide nothing here
    *("speed_unchanged", "kernels_faster", "structure_faster", "five_times", "miniature_agrees"),
)
MINIATURE = " (miniature)"  # after a claim's name, where real models lie beside the small ones that it is of
ABSENT = NotMeasured("no record")
NOT_COMPARABLE = NotMeasured("not of the same tokens on both sides")
_ID = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Side:
    """The records of one results folder, and the files in it that could not be believed."""

    folder: Path
    records: tuple[Record, ...]
    damaged: tuple[Damage, ...] = ()

    @property
    def cells(self) -> tuple[Cell, ...]:
        cells = [Cell(record, record.experiment.model) for record in self.records]
        return tuple(sorted(cells, key=lambda cell: cell.order))

    @property
    def damaged_ids(self) -> frozenset[str]:
        """The experiments whose files were damaged: a file is named after its experiment."""
        names = (damage.path.name.partition(".")[0] for damage in self.damaged)
        return frozenset(name for name in names if _ID.fullmatch(name))


@dataclass(frozen=True, slots=True)
class Pair:
    """A cell of theirs and the same cell here, each None where there is no record that can be believed."""

    id: str
    here: Cell | None
    there: Cell | None
    checks: tuple[Check, ...]
    speed: tuple[Number, Number] = (ABSENT, ABSENT)  # decode speed over the side's own dense run, here and there

    @property
    def experiment(self) -> Experiment | None:
        """What was measured, by either record."""
        cell = self.there or self.here
        return cell.experiment if cell else None

    @property
    def perplexity(self) -> tuple[Number, Number]:
        """Here and there; of a training that of its held-out windows."""
        return self.here.perplexity if self.here else ABSENT, self.there.perplexity if self.there else ABSENT

    @property
    def difference(self) -> Number:
        """Perplexity here over there, minus one; only where they are of the same tokens."""
        here, there = self.perplexity
        if not self.comparable or isinstance(here, NotMeasured) or isinstance(there, NotMeasured):
            return NOT_COMPARABLE
        return here / there - 1

    @property
    def allowed(self) -> Number:
        """The difference of the mean losses that rounding explains, nats a token."""
        return allowed(self.here, self.there) if self.comparable and self.here and self.there else NOT_COMPARABLE

    @property
    def summed(self) -> tuple[str, str] | None:
        """In what the exponentials of the losses were summed, here and there, where losses are compared although that
        differs."""
        return summed(self.here, self.there) if self.comparable and self.here and self.there else None

    @property
    def comparable(self) -> bool:
        return self.outcome("perplexity") in (Outcome.EQUAL, Outcome.DIFFERS)

    def outcome(self, name: str) -> Outcome | None:
        """What the check of this name gave; None where it was not made."""
        return next((check.outcome for check in self.checks if check.name == name), None)

    @property
    def reproduces(self) -> bool:
        return all(check.outcome is not Outcome.DIFFERS for check in self.checks)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it does not reproduce, in the order of the checks; where it does, what else there is to say."""
        if not self.reproduces:
            why = (c for c in self.checks if c.outcome is Outcome.DIFFERS or c.name == "plug-ins")
            return tuple(check.reason for check in why)
        said = (Outcome.EQUAL, Outcome.NOTED)
        return tuple(c.reason for c in self.checks if c.reason and c.outcome in said and c.name != "speed")


@dataclass(frozen=True, slots=True)
class ClaimPair:
    """A claim's verdict on both sides, from the cells both finished; None where a side says nothing about it."""

    name: str
    here: Verdict | None
    there: Verdict | None

    @property
    def equal(self) -> bool:
        return self.here is self.there

    @property
    def decides(self) -> bool:
        return self.name.removesuffix(MINIATURE) not in NOISY


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every cell of theirs, in the order of a study; `extra` are the cells here that have no partner there."""

    here: Side
    there: Side
    pairs: tuple[Pair, ...]
    extra: tuple[Cell, ...]
    claims: tuple[ClaimPair, ...]

    @property
    def failing(self) -> tuple[Pair, ...]:
        return tuple(pair for pair in self.pairs if not pair.reproduces)

    @property
    def contradicted(self) -> tuple[ClaimPair, ...]:
        """The claims whose verdicts differ for another reason than noise."""
        return tuple(claim for claim in self.claims if claim.decides and not claim.equal)

    @property
    def reproduces(self) -> bool:
        return bool(self.pairs) and not self.failing and not self.contradicted
