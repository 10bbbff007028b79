"""Where a curve first exceeds given multiples of the dense perplexity, to 1 % sparsity (protocol rule 22).

Measured by bisection and not interpolated. The cells of a search are experiments with records; only which of them are
run follows from what the ones before them gave, so a search goes on from whatever is known and does nothing twice.

A sequential search decides most of its steps on a part of the text (`suite.evaluation.sequential`). The two cells that
a crossing lies between are measured on the whole text, and where one of them contradicts a step, it is what counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from suite.protocol import FINEST, SCAN
from suite.records.experiment import Continuation, Experiment, Sequential
from suite.records.plan import PlannedSearch
from suite.records.schema import Record

PERCENTS = tuple(k / round(1 / FINEST) for k in range(1, round(1 / FINEST)))
HALVINGS = 4  # from ten per cent to one
TOO_FEW = 16  # windows of a text, of which a step would save nothing by stopping early
BRACKET = 2  # cells that a crossing lies between


def line(experiment: Experiment) -> Experiment:
    """What all points of one curve have in common: the experiment without its sparsity, what is measured in it, and
    on how much of the text."""
    plain = {"sparsity": 0.0, "measure": (), "generation": Continuation(), "sequential": None}
    return experiment.model_copy(update=plain)


class Left(NamedTuple):
    """Experiments that a search still takes, at most: on the whole text, and steps that may stop early."""

    whole: int
    steps: int


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one curve, by sparsity: perplexity over the dense one on the whole text (infinite where the
    model gave no number any more), and of steps whether they exceed each factor (None where that stayed open)."""

    ratios: dict[float, float] = field(default_factory=dict)
    decided: dict[float, dict[float, bool | None]] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Iterable[Record]) -> Known:
        """What records of one curve say."""
        known = cls()
        for record in records:
            known.note(record)
        return known

    def note(self, record: Record) -> None:
        """Take in a record of the curve. One that failed is a model past every cliff."""
        experiment, done = record.experiment, record.status == "done"
        if experiment.sequential is None:
            quality = record.perplexity if done else None
            self.ratios[experiment.sparsity] = quality.ratio_to_dense if quality else math.inf
            return
        step = record.sequential if done else None
        found = step.exceeds if step else dict.fromkeys(experiment.sequential.factors, True)
        self.decided.setdefault(experiment.sparsity, {}).update(found)


@dataclass(frozen=True, slots=True)
class Search:
    """One search: the `template` is its experiment, but for the sparsity. A `sequential` one may stop steps early."""

    template: Experiment
    factors: tuple[float, ...]
    sequential: bool = False

    @classmethod
    def planned(cls, one: PlannedSearch) -> Search:
        """The search that a study's plan names."""
        return cls(one.template, one.factors, one.sequential)

    @property
    def points(self) -> list[Experiment]:
        """Every experiment that it may come to."""
        cells = [self.at(sparsity) for sparsity in PERCENTS]
        return cells + [self.step(sparsity) for sparsity in PERCENTS if self.sequential]

    @property
    def most(self) -> Left:
        """What it takes at most."""
        if not self.sequential:
            return Left(len(SCAN) + HALVINGS * len(self.factors), 0)
        return Left(BRACKET * len(self.factors), len(SCAN) + (HALVINGS - 1) * len(self.factors))

    def left(self, known: Known) -> Left:
        """What more it takes at most, given what is known; a step that stays open takes one more on the whole text."""
        if self.next(known) is None:
            return Left(0, 0)
        scan = 0
        for sparsity in SCAN:
            found = [self._exceeds(known, sparsity, factor) for factor in self.factors]
            scan += None in found
            if found == [True] * len(found):
                break
        open_ones = [self._open(known, factor) for factor in self.factors]
        if not self.sequential:
            return Left(scan + sum(len(between).bit_length() for between in open_ones), 0)
        ends = [
            BRACKET if between else len(self._missing(known, factor))
            for between, factor in zip(open_ones, self.factors, strict=True)
        ]
        return Left(sum(ends), scan + sum(max(0, len(between).bit_length() - 1) for between in open_ones))

    def at(self, sparsity: float) -> Experiment:
        """The cell of this sparsity, on the whole text."""
        return self.template.model_copy(update={"sparsity": sparsity})

    def step(self, sparsity: float) -> Experiment:
        """The step at this sparsity, which stops once every factor is decided."""
        asked = Sequential(factors=tuple(sorted(self.factors)))
        return line(self.template).model_copy(update={"sparsity": sparsity, "sequential": asked})

    def covers(self, experiment: Experiment) -> bool:
        """Whether the experiment is a point of the searched curve, whatever else is measured in it."""
        return line(experiment) == line(self.template)

    def next(self, known: Known) -> Experiment | None:
        """What to measure next, or None when every crossing is known to 1 %."""
        for factor in sorted(self.factors):
            told = {sparsity: self._exceeds(known, sparsity, factor) for sparsity in self._walk(known, factor)}
            first = next((sparsity for sparsity, exceeds in told.items() if exceeds is not False), None)
            if first is not None and told[first] is None:
                return self._measure(known, first, factor)
            if between := self._open(known, factor):
                middle = between[len(between) // 2]
                return self.at(middle) if len(between) <= 2 else self._measure(known, middle, factor)
            if missing := self._missing(known, factor):
                return self.at(missing[0])
        return None

    def _measure(self, known: Known, sparsity: float, factor: float) -> Experiment:
        """The step at this sparsity; the whole cell where the search takes none, or the step left the factor open."""
        tried = factor in known.decided.get(sparsity, {})
        return self.step(sparsity) if self.sequential and not tried else self.at(sparsity)

    def _exceeds(self, known: Known, sparsity: float, factor: float) -> bool | None:
        """Whether the factor is exceeded; the whole text's word comes first. None where it is not known."""
        if sparsity in known.ratios:
            return known.ratios[sparsity] > factor
        return known.decided.get(sparsity, {}).get(factor) if self.sequential else None

    def _walk(self, known: Known, factor: float) -> list[float]:
        """The sparsities that say where a factor is crossed: those of the scan, and all that were measured for it."""
        steps = {s for s, found in known.decided.items() if factor in found} if self.sequential else set()
        return sorted({*SCAN, *known.ratios, *steps})

    def _bracket(self, known: Known, factor: float) -> tuple[float, float | None]:
        """The last sparsity before the first that is known to exceed the factor, and that one; None where none is."""
        below = 0.0
        for sparsity in self._walk(known, factor):
            if self._exceeds(known, sparsity, factor):
                return below, sparsity
            below = sparsity if self._exceeds(known, sparsity, factor) is False else below
        return below, None

    def _missing(self, known: Known, factor: float) -> list[float]:
        """Of the two cells that a crossing lies between, or of the last of the scan where nothing crosses, those that
        were not measured on the whole text."""
        below, above = self._bracket(known, factor)
        ends = [SCAN[-1]] if above is None else [above, below]
        return [sparsity for sparsity in ends if sparsity > 0 and sparsity not in known.ratios]

    def _open(self, known: Known, factor: float) -> list[float]:
        """The whole per cents that the first crossing may still lie at; all of ten per cent where none is known yet."""
        below, above = self._bracket(known, factor)
        if above is not None:
            return _between(below, above)
        unknown = any(self._exceeds(known, sparsity, factor) is None for sparsity in SCAN)
        return _between(0.0, 0.1) if unknown else []


def _between(below: float, above: float) -> list[float]:
    return [sparsity for sparsity in PERCENTS if below < sparsity < above]
