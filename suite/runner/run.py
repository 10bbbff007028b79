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
from suite.records.claims import Claims
from suite.runner.agenda import Agenda, finished
from suite.runner.alteration import Lessons
from suite.runner.environment import environment
from suite.runner.reasons import FAILURES, now, reason
from suite.runner.section import Section
from suite.runner.session import Session
from suite.runner.texts import read
from suite.runner.trainings import Trainings

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
    def agendas(self) -> list[Agenda]:
        """What each model lacks, as the store was when this was first asked.

        Raises:
            InputError: the results folder cannot be written.
        """
        self.store.prepare()
        self.claims.sweep()
        for damage in self.store.set_aside():
            self.observer.damaged(damage)
        if plan := self.study.plan:
            self.store.write_plan(plan)
        return [Agenda(self.study, model, self.store) for model in self.study.models]

    @property
    def claims(self) -> Claims:
        return Claims(self.store.folder)

    @no_failure_once_asked()
    def __call__(self) -> Outcome:
        """Do what is missing; a record that failed is tried again. What others do meanwhile is not done twice.

        Raises:
            InputError: a model or text cannot be used, found before the first experiment; or a record cannot be kept.
            Interrupted: a signal asked for it; what is done is kept.
            RuntimeError: a bug: a model was not restored.
        """
        self.outcome.there = sum(agenda.there for agenda in self.agendas)
        todo = [agenda for agenda in self.agendas if agenda.left]
        total = self.outcome.there + sum(agenda.left for agenda in todo)
        self.observer.planned(total, self.outcome.there, any(agenda.searching for agenda in todo))
        # Every text is cut before the first model is loaded: what is wrong with one is told in the first seconds.
        windows = {
            agenda.model.name: read(self.study, agenda.model, agenda.dense, agenda.learnt)
            for agenda in todo
            if agenda.dense
        }
        for agenda in todo:
            if agenda.dense:
                agenda.evaluate(len(windows[agenda.model.name][0].tokens))
        for index, agenda in enumerate(todo):
            if not agenda.dense:
                self._trainings(agenda)
                continue
            later = sum(other.left for other in todo[index + 1 :])
            self._model(agenda, *windows.pop(agenda.model.name), later)
        return self.outcome

    def _trainings(self, agenda: Agenda) -> None:
        """Do one network's trainings."""
        Trainings(
            self.study,
            agenda.model,
            self.store,
            agenda.missing,
            keep=self._keep,
            found=self._found,
            started=self.observer.started,
            step=self._step,
        )()

    def _model(self, agenda: Agenda, windows: Windows, lessons: Lessons, later: int) -> None:
        """Do one model's agenda; `later` is how many experiments of other models come after it."""
        model = agenda.model
        self.observer.loading(model.name)
        try:
            session = Session(model, windows, lessons, self.store.folder, self._step, agenda.coming)
        except (InputError, RuntimeError, OSError, ValueError, MemoryError) as error:
            for experiment in filter(None, [agenda.dense, *agenda.missing]):
                self._keep(not_loaded(experiment, model, reason(error)))
            return
        try:
            if agenda.dense and not (agenda.known_dense and session.remember(agenda.known_dense)):
                agenda.note(self._measure(agenda.dense, session, session.dense))
            if session.baseline is None:
                agenda.searches = ()  # a search has nothing to go by; the cells' records say why
            for experiment in agenda.pruned(lambda one: self.claims.of_others(one.id) is not None):
                stop_if_asked()
                if record := finished(self.store, experiment):  # since the agenda was made
                    self._found(record)
                else:
                    record = self._measure(experiment, session, session.altered)
                agenda.note(record)
                self.observer.expected(self.outcome.total + agenda.left + later)
            if strays := session.loaded.strays():
                raise RuntimeError(f"a bug: {strays[0]} was not restored, so records of {model.name} may be wrong")
        finally:
            session.close()

    def _measure(self, experiment: Experiment, session: Session, work: Work) -> Record:
        self.observer.started(experiment)
        started, clock = now(), time.perf_counter()
        sections: dict[str, Any] = {}
        error = None
        with self.claims.claim(experiment.id):
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
                environment=environment(session.loaded, started, time.perf_counter() - clock),
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
        environment=environment(None, now(), 0.0),
    )


def free_memory() -> None:
    """Give back what a failed experiment held, once its exception is gone: that kept every tensor of its frames."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
