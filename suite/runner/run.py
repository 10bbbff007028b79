"""Run a study: model by model, the dense baseline first, one record an experiment, nothing done twice."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from typing import Protocol as Interface

import torch

from suite.data.windows import Windows
from suite.errors import InputError
from suite.interruption import held, no_failure_once_asked, stop_if_asked
from suite.manifest import Study
from suite.models.source import ModelSource
from suite.records import Damage, Experiment, Record, Store
from suite.records.leases import Leases
from suite.runner.environment import environment, plugins_of
from suite.runner.reasons import FAILURES, now, reason
from suite.runner.section import Section
from suite.runner.session import Session
from suite.runner.texts import read
from suite.runner.trainings import Trainings
from suite.runner.transforms import TextIds
from suite.runner.worklist import Worklist, finished

Work = Callable[[Experiment], Iterable[Section]]


class Observer(Interface):
    """Whoever wants to be told how a run goes."""

    def planned(self, total: int, there: int, searching: bool) -> None: ...
    def expected(self, total: int) -> None: ...
    def loading(self, model: str) -> None: ...
    def started(self, experiment: Experiment) -> None: ...
    def step(self, what: str, done: int, total: int) -> None: ...
    def finished(self, record: Record) -> None: ...
    def found(self, record: Record) -> None: ...
    def damaged(self, damage: Damage) -> None: ...


@dataclass
class Outcome:
    """What a run came to: how many experiments were there already, done, and failed."""

    there: int = 0
    done: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        return self.there + self.done + self.failed


@dataclass
class Run:
    """A study on its way into a store."""

    study: Study
    store: Store
    observer: Observer
    outcome: Outcome = field(default_factory=Outcome)

    @cached_property
    def worklists(self) -> list[Worklist]:
        """What each model lacks, as the store was when this was first asked.

        Raises:
            InputError: the results folder cannot be written.
        """
        self.store.prepare()
        self.leases.sweep()
        for damage in self.store.set_aside():
            self.observer.damaged(damage)
        if plan := self.study.plan:
            self.store.write_plan(plan)
        return [Worklist(self.study, model, self.store) for model in self.study.models]

    @property
    def leases(self) -> Leases:
        return Leases(self.store.folder)

    @no_failure_once_asked()
    def __call__(self) -> Outcome:
        """Do what is missing; a record that failed is tried again. What others do meanwhile is not done twice.

        Raises:
            InputError: a model or text cannot be used, found before the first experiment; or a record cannot be kept.
            Interrupted: a signal asked for it; what is done is kept.
            RuntimeError: a bug: a model was not restored.
        """
        self.outcome.there = sum(worklist.there for worklist in self.worklists)
        todo = [worklist for worklist in self.worklists if worklist.left]
        total = self.outcome.there + sum(worklist.left for worklist in todo)
        self.observer.planned(total, self.outcome.there, any(worklist.searching for worklist in todo))
        # Every text is cut before the first model is loaded: what is wrong with one is told in the first seconds.
        windows = {
            worklist.model.name: read(self.study, worklist.model, worklist.dense, worklist.learnt)
            for worklist in todo
            if worklist.dense
        }
        for worklist in todo:
            if worklist.dense:
                worklist.evaluate(len(windows[worklist.model.name][0].tokens))
        for index, worklist in enumerate(todo):
            if not worklist.dense:
                self._trainings(worklist)
                continue
            later = sum(other.left for other in todo[index + 1 :])
            self._model(worklist, *windows.pop(worklist.model.name), later)
        return self.outcome

    def _trainings(self, worklist: Worklist) -> None:
        """Do one network's trainings."""
        Trainings(
            self.study,
            worklist.model,
            self.store,
            worklist.missing,
            keep=self._keep,
            found=self._found,
            started=self.observer.started,
            step=self._step,
        )()

    def _model(self, worklist: Worklist, windows: Windows, text_ids: TextIds, later: int) -> None:
        """Do one model's worklist; `later` is how many experiments of other models come after it."""
        model = worklist.model
        self.observer.loading(model.name)
        try:
            session = Session(model, windows, text_ids, self.store.folder, self._step, worklist.coming)
        except (InputError, RuntimeError, OSError, ValueError, MemoryError) as error:
            for experiment in filter(None, [worklist.dense, *worklist.missing]):
                self._keep(not_loaded(experiment, model, reason(error)))
            return
        try:
            if worklist.dense and not (worklist.known_dense and session.remember(worklist.known_dense)):
                worklist.note(self._measure(worklist.dense, session, session.dense))
            if session.baseline is None:
                worklist.searches = ()  # a search has nothing to go by; the cells' records say why
            for experiment in worklist.pruned(lambda one: self.leases.of_others(one.id) is not None):
                stop_if_asked()
                if record := finished(self.store, experiment):  # since the worklist was made
                    self._found(record)
                else:
                    record = self._measure(experiment, session, session.altered)
                worklist.note(record)
                self.observer.expected(self.outcome.total + worklist.left + later)
            if strays := session.loaded.strays():
                raise RuntimeError(f"a bug: {strays[0]} was not restored, so records of {model.name} may be wrong")
        finally:
            session.close()

    def _measure(self, experiment: Experiment, session: Session, work: Work) -> Record:
        self.observer.started(experiment)
        started, clock = now(), time.perf_counter()
        sections: dict[str, Any] = {}
        error = None
        with self.leases.hold(experiment.id):
            try:
                for name, section in work(experiment):
                    sections[name] = section
            except FAILURES as caught:
                error = reason(caught)
            if error:
                free_memory()
            record = Record(
                id=experiment.id,
                status="failed" if error else "done",
                error=error,
                experiment=experiment,
                model=session.source.summary,
                **sections,
                environment=environment(
                    session.loaded, started, time.perf_counter() - clock, plugins_of(experiment, session.source)
                ),
            )
            self._keep(record)
        return record

    def _step(self, what: str, done: int, total: int) -> None:
        stop_if_asked()
        self.observer.step(what, done, total)

    def _found(self, record: Record) -> None:
        """Another process has done it meanwhile."""
        self.outcome.there += 1
        self.observer.found(record)

    @held()
    def _keep(self, record: Record) -> None:
        """Write, count and tell of a record: all of it, or nothing where a signal came before. That may be why the
        experiment failed."""
        try:
            path = self.store.write(record)
        except OSError as error:
            raise InputError(
                f"cannot write a record to {self.store.folder}: {error.strerror}; make room and run the same command "
                "again: what is done is kept"
            ) from error
        if record.status == "done":
            self.outcome.done += 1
        elif path == self.store.path(record.id) and (done := self.store.read(record.id)):
            self._found(done)
            return
        else:
            self.outcome.failed += 1
        self.observer.finished(record)


def not_loaded(experiment: Experiment, model: ModelSource, why: str) -> Record:
    """The record of an experiment whose model could not be loaded, and why."""
    return Record(
        id=experiment.id,
        status="failed",
        error=f"the model could not be loaded: {why}",
        experiment=experiment,
        model=model.summary,
        environment=environment(None, now(), 0.0, plugins_of(experiment, model)),
    )


def free_memory() -> None:
    """Give back what a failed experiment held, once its exception is gone: that kept every tensor of its frames."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
