"""What of one model a store still lacks: its cells, and what its searches ask for next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from suite.manifest import Study
from suite.manifest.cliff import TOO_FEW, Known, Left, Search
from suite.models.source import ModelSource
from suite.records import Experiment, Record, Store
from suite.records.experiment import TextReference


class Worklist:
    """One model's experiments, in running order. A record that failed does not count as there, and is tried again."""

    def __init__(self, study: Study, model: ModelSource, store: Store) -> None:
        self.model = model
        cells = study.cells(model)
        self.dense = next((cell for cell in cells if cell.dense), None)  # None of a network that is to be trained
        self.searches = study.searches_of(model)
        self._known = {search: Known() for search in self.searches}
        self.known_dense = finished(store, self.dense) if self.dense else None
        found = {cell.id: finished(store, cell) for cell in cells}
        self.missing = [cell for cell in cells if not found[cell.id] and not cell.dense]
        for search in self.searches:
            found |= {cell.id: finished(store, cell) for cell in search.points}
        there = [record for record in found.values() if record]
        for record in there:
            self.note(record)
        self.there = len(there)

    @property
    def coming(self) -> list[Experiment]:
        """The pruned experiments that are left, and one for each search."""
        return [*self.missing, *(search.template for search in self.searches)]

    @property
    def learnt(self) -> frozenset[TextReference]:
        """The texts that what is left is calibrated with, and learns from."""
        return frozenset(asked.text for cell in self.coming for asked in (cell.calibration, cell.recovery) if asked)

    @property
    def searching(self) -> int:
        """How many experiments the searches still take, at most."""
        return sum(sum(self.left_of(search)) for search in self.searches)

    def left_of(self, search: Search) -> Left:
        """How many experiments this search still takes, at most."""
        return search.left(self._known[search])

    @property
    def left(self) -> int:
        """How many experiments are left, at most."""
        return len(self.missing) + self.searching + bool(self.dense and self.known_dense is None)

    def pruned(self, busy: Callable[[Experiment], bool]) -> Iterator[Experiment]:
        """The pruned experiments to do, one after another; `note` what became of each before asking for the next.

        Those that another process is at, as `busy` says, come last: by then they may be done.
        """
        others = 0
        while len(self.missing) > others:
            if busy(self.missing[0]):
                others += 1
                self.missing.append(self.missing.pop(0))
            else:
                yield self.missing.pop(0)
        while self.missing:
            yield self.missing.pop(0)
        while points := list(filter(None, (search.next(self._known[search]) for search in self.searches))):
            yield next((point for point in points if not busy(point)), points[0])

    def evaluate(self, windows: int) -> None:
        """Reckon with so many windows of the text: of few, every step of a search is measured on all."""
        if windows < TOO_FEW:
            self._known = {replace(search, sequential=False): known for search, known in self._known.items()}
            self.searches = tuple(self._known)

    def note(self, record: Record) -> None:
        """Take in a record."""
        if record.experiment.dense:
            self.known_dense = record
        for search in self.searches:
            if search.covers(record.experiment):
                self._known[search].note(record)


def finished(store: Store, experiment: Experiment) -> Record | None:
    """The record of the experiment, unless it failed or is not there."""
    record = store.read(experiment.id)
    return record if record and record.status == "done" else None
