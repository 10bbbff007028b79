"""How well a forecast foresaw what is done by now. Without torch."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from suite.bench.measured import threads_asked
from suite.forecast.experiments import Forecast, foresee_point
from suite.machine import Machine
from suite.manifest import Study
from suite.records import Record


@dataclass(frozen=True)
class Hindsight:
    """Experiments that are done, in order: the seconds that each took, and those that were foreseen for it."""

    took: tuple[float, ...]
    foreseen: tuple[float, ...]

    @property
    def ratios(self) -> list[float]:
        """How many times as long as foreseen each took, the least first."""
        return sorted(took / foreseen for took, foreseen in zip(self.took, self.foreseen, strict=True))

    @property
    def median(self) -> float:
        return statistics.median(self.ratios)


def hindsight(
    study: Study, forecasts: Iterable[Forecast], records: Iterable[Record], machine: Machine
) -> dict[str, Hindsight]:
    """Of each model of which there are any: the experiments done on this machine, in the order of the records.

    Their forecasts are those of before any of them was done. See `of_here`.
    """
    planned = {one.experiment.id: one for one in forecasts}
    found: dict[str, list[tuple[float, float]]] = {model.name: [] for model in study.models}
    for record in records:
        one = record.experiment
        if record.status == "done" and of_here(record, study, machine):
            foreseen = planned.get(one.id) or foresee_point(study, one, machine)
            found[one.model].append((record.environment.seconds, foreseen.seconds))
    return {name: _of(pairs) for name, pairs in found.items() if pairs}


def together(seen: Iterable[Hindsight]) -> Hindsight:
    """Those of several models as one."""
    pairs = [pair for one in seen for pair in zip(one.took, one.foreseen, strict=True)]
    return _of(pairs)


def of_here(record: Record, study: Study, machine: Machine) -> bool:
    """Whether a record says something about forecasts of a study on this machine.

    One of other hardware, or on a processor of another number of threads, does not; nor does one of another text or
    window, which an earlier manifest of that name asked for.
    """
    one, where = record.experiment, record.environment
    if (one.text, one.context) != (study.text.reference, study.context):
        return False
    if one.model not in {model.name for model in study.models}:
        return False
    if where.hardware != machine.hardware or where.device.startswith("cuda") != bool(machine.gpus):
        return False
    return bool(machine.gpus) or where.threads == threads_asked(machine)


def _of(pairs: Sequence[tuple[float, float]]) -> Hindsight:
    return Hindsight(tuple(took for took, _ in pairs), tuple(foreseen for _, foreseen in pairs))
