"""How well a forecast foresaw what is done by now, and what of it is left. Without torch."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from suite.bench.measured import threads_asked
from suite.forecast.experiments import Forecast, SearchForecast, foresee_point, load_seconds
from suite.machine import Machine
from suite.manifest import Study
from suite.manifest.cliff import Known, line
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

    Records of other hardware, or on a processor of another number of threads, say nothing about forecasts here; nor do
    those of another text or window, which an earlier manifest of that name asked for.
    """
    planned = {one.experiment.id: one for one in forecasts}
    found: dict[str, list[tuple[float, float]]] = {model.name: [] for model in study.models}
    for record in records:
        one = record.experiment
        alike = one.model in found and (one.text, one.context) == (study.text.reference, study.context)
        if alike and record.status == "done" and _of_here(record, machine):
            foreseen = planned.get(one.id) or foresee_point(study, one, machine)
            found[one.model].append((record.environment.seconds, foreseen.seconds))
    return {name: _of(pairs) for name, pairs in found.items() if pairs}


def together(seen: Iterable[Hindsight]) -> Hindsight:
    """Those of several models as one."""
    pairs = [pair for one in seen for pair in zip(one.took, one.foreseen, strict=True)]
    return _of(pairs)


def _of(pairs: Sequence[tuple[float, float]]) -> Hindsight:
    return Hindsight(tuple(took for took, _ in pairs), tuple(foreseen for _, foreseen in pairs))


def _of_here(record: Record, machine: Machine) -> bool:
    where = record.environment
    if where.hardware != machine.hardware or where.device.startswith("cuda") != bool(machine.gpus):
        return False
    return bool(machine.gpus) or where.threads == threads_asked(machine)


def left_seconds(
    study: Study,
    forecasts: Iterable[Forecast],
    searches: Iterable[SearchForecast],
    records: Iterable[Record],
    machine: Machine,
) -> float:
    """Seconds that what of a study's forecasts has no record yet will take, at most: searches may end early."""
    done = [record for record in records if record.status == "done"]
    ids = {record.id for record in done}
    of_line = {line(one.search.template): (one, Known()) for one in searches}
    for record in done if of_line else ():
        if (covering := of_line.get(line(record.experiment))) is not None:
            covering[1].note(record)
    left = {model.name: 0.0 for model in study.models}
    for one in forecasts:
        left[one.experiment.model] += 0.0 if one.experiment.id in ids else one.seconds
    for hunt, known in of_line.values():
        left[hunt.search.template.model] += hunt.seconds(hunt.search.left(known))
    return sum(seconds + load_seconds(study.model(name), machine) for name, seconds in left.items() if seconds)
