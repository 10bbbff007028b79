"""What of a study is left, and how long that will take: as foreseen, and corrected by what is done. Without torch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import replace

from suite.forecast.experiments import (
    Forecast,
    SearchForecast,
    forecast,
    foresee_point,
    load_seconds,
    search_forecast,
    start_seconds,
)
from suite.forecast.hindsight import of_here
from suite.forecast.pace import Pace, kind
from suite.machine import Machine
from suite.manifest import Study
from suite.manifest.cliff import Known, line
from suite.records import Experiment, Record


class Outlook:
    """The experiments and searches of a study that have no record yet. Records that failed count only where told so by
    `note`: a run that begins tries them again."""

    def __init__(
        self,
        study: Study,
        forecasts: Iterable[Forecast],
        searches: Iterable[SearchForecast],
        records: Iterable[Record],
        machine: Machine,
    ) -> None:
        self._study, self._machine = study, machine
        self._pace = Pace()
        self._foreseen = {one.experiment.id: one.seconds for one in forecasts}
        self._searches = {line(one.search.template): (one, Known()) for one in searches}
        self._open = {one.id: one for one in study.experiments if one.id in self._foreseen}
        self._seconds: defaultdict[Hashable, float] = defaultdict(float)  # that are left of each kind
        self._example: dict[Hashable, Experiment] = {}
        for one in self._open.values():
            self._seconds[kind(one)] += self._foreseen[one.id]
            self._example.setdefault(kind(one), one)
        for record in records:
            if record.status == "done":
                self.note(record)

    @classmethod
    def of(cls, study: Study, records: Iterable[Record], machine: Machine) -> Outlook:
        """As it is foreseen, and as these records correct it."""
        return cls(study, forecast(study, machine), search_forecast(study, machine), records, machine)

    def note(self, record: Record) -> None:
        """Take in what was done, or failed just now. Only what is done on this machine tells how long others take."""
        experiment = record.experiment
        if record.status == "done" and of_here(record, self._study, self._machine):
            foreseen = self._foreseen.get(experiment.id) or self._point(experiment)
            self._pace.note(experiment, record.environment.seconds, foreseen)
        if self._open.pop(experiment.id, None):
            self._seconds[kind(experiment)] -= self._foreseen[experiment.id]
        if self._searches and (found := self._searches.get(line(experiment))):
            found[1].note(record)

    def pace(self, experiment: Experiment) -> float:
        """What the seconds that are foreseen for an experiment are to be multiplied by."""
        return self._pace(experiment)

    def corrected(self, one: Forecast) -> Forecast:
        """A forecast corrected by how well what is done was foreseen."""
        return replace(one, seconds=one.seconds * self._pace(one.experiment))

    def corrected_search(self, one: SearchForecast) -> SearchForecast:
        """The same of a search."""
        return replace(one, cell=self.corrected(one.cell), step=self.corrected(one.step))

    @property
    def left(self) -> float:
        """Seconds until everything has a record, the loading of its models included."""
        models = {one.model for one in self._open.values()}
        seconds = 0.0
        if self._open:
            seconds += sum(self._pace(self._example[group]) * left for group, left in self._seconds.items())
        for one, known in self._searches.values():
            if any(most := one.search.left(known)):
                models.add(one.search.template.model)
                seconds += self.corrected_search(one).seconds(most)
        return seconds + sum(load_seconds(self._study.model(name), self._machine) for name in sorted(models))

    @property
    def whole(self) -> float:
        """Seconds of a run of what is left, from its beginning: it starts, and dequantises what the cache lacks."""
        if not self.left:
            return 0.0
        return self.left + start_seconds(self._study.models)

    def _point(self, experiment: Experiment) -> float:
        """The seconds foreseen for a point of a search."""
        return foresee_point(self._study, experiment, self._machine).seconds
