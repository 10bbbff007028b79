"""Where a curve first exceeds given multiples of the dense perplexity, to 1 % sparsity (protocol rule 22).

Measured by bisection and not interpolated. The cells of a search are ordinary experiments; only which of them are run
follows from what the ones before them gave, so a search goes on from whatever is known and does nothing twice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from suite.records.experiment import Experiment
from suite.records.schema import Record

FACTORS = (1.1, 2.0, 10.0)
SCAN = tuple(k / 100 for k in (10, 20, 30, 40, 50, 60, 70, 80, 90, 99))  # a curve need not rise everywhere
HALVINGS = 4  # from ten per cent to one


def line(experiment: Experiment) -> Experiment:
    """What all points of one curve have in common: the experiment without its sparsity and what is measured in it."""
    return experiment.model_copy(update={"sparsity": 0.0, "measure": ()})


def ratio(record: Record) -> float:
    """Perplexity relative to dense as a search reads it: one that failed is a model past every cliff."""
    quality = record.perplexity if record.status == "done" else None
    return quality.ratio_to_dense if quality else math.inf


@dataclass(frozen=True, slots=True)
class Search:
    """One search: the `template` is its experiment, but for the sparsity."""

    template: Experiment
    factors: tuple[float, ...]

    @property
    def most(self) -> int:
        """How many experiments it takes at most."""
        return len(SCAN) + HALVINGS * len(self.factors)

    def left(self, ratios: Mapping[float, float]) -> int:
        """How many more it takes at most, given what is known."""
        beyond = min((s for s, ratio in ratios.items() if ratio > max(self.factors)), default=1.0)
        scan = sum(s not in ratios and s < beyond for s in SCAN)
        return scan + sum(len(self._open(ratios, factor)).bit_length() for factor in self.factors)

    def at(self, sparsity: float) -> Experiment:
        return self.template.model_copy(update={"sparsity": sparsity})

    def covers(self, experiment: Experiment) -> bool:
        """Whether the experiment is a point of the searched curve, whatever else is measured in it."""
        return line(experiment) == line(self.template)

    def next(self, ratios: Mapping[float, float]) -> float | None:
        """The sparsity to measure next, or None when every crossing is known to 1 %.

        Args:
            ratios: what is known: sparsity to perplexity ratio, infinite where the model gave no number any more.
        """
        for factor in sorted(self.factors):
            for sparsity in sorted({*SCAN, *ratios}):
                if sparsity not in ratios:
                    return sparsity
                if ratios[sparsity] > factor:
                    break
            if between := self._open(ratios, factor):
                return between[len(between) // 2]
        return None

    def _open(self, ratios: Mapping[float, float], factor: float) -> list[float]:
        """The whole per cents that the first crossing may still lie at; all of ten per cent where none is known yet."""
        below = 0.0
        for sparsity in sorted(ratios):
            if ratios[sparsity] > factor:
                return [k / 100 for k in range(1, 100) if below < k / 100 < sparsity]
            below = sparsity
        return [k / 100 for k in range(1, 10)] if set(SCAN) - set(ratios) else []
