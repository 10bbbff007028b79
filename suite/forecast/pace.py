"""How many times as long as foreseen experiments take, learnt from those that are done. Without torch."""

from __future__ import annotations

import statistics
from bisect import insort
from collections import defaultdict
from collections.abc import Hashable, Iterable

from suite.records import Experiment

FEWEST = 3  # experiments that a factor rests on: a median of fewer is any one's


def kind(experiment: Experiment) -> Hashable:
    """What experiments that are foreseen equally well have in common: model, what is measured, what is learnt from."""
    shown = experiment.criterion if experiment.calibration else None
    return experiment.model, frozenset(experiment.measure), shown, experiment.recovery is not None


class Pace:
    """The median of how many times as long as foreseen experiments took: of those of a kind, else of the model, else
    of all; 1 until FEWEST are done."""

    def __init__(self, seen: Iterable[tuple[Experiment, float, float]] = ()) -> None:
        """
        Args:
            seen: experiments that are done on this machine, the seconds that each took, and those foreseen for it.
        """
        self._ratios: defaultdict[Hashable, list[float]] = defaultdict(list)  # the least first
        for one in seen:
            self.note(*one)

    def note(self, experiment: Experiment, took: float, foreseen: float) -> None:
        """Take in one more that is done."""
        for group in (kind(experiment), experiment.model, None):
            insort(self._ratios[group], took / foreseen)

    def __call__(self, experiment: Experiment) -> float:
        """What the seconds that are foreseen for an experiment are to be multiplied by."""
        for group in (kind(experiment), experiment.model, None):
            if len(ratios := self._ratios.get(group, [])) >= FEWEST:
                return statistics.median(ratios)
        return 1.0
