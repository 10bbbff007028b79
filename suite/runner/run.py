"""Run a study: model by model, the dense baseline first, one record an experiment, nothing done twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol as Interface

import torch

from suite.data.windows import Windows, make_windows
from suite.errors import ExperimentError, InputError
from suite.manifest import Study
from suite.models.loading import load_tokenizer
from suite.models.source import ModelSource
from suite.records import Experiment, Record, Store
from suite.runner.environment import environment
from suite.runner.session import Sections, Session


class Observer(Interface):
    """Whoever wants to be told how a run goes."""

    def planned(self, total: int, there: int) -> None: ...
    def loading(self, model: str) -> None: ...
    def started(self, experiment: Experiment) -> None: ...
    def windows(self, done: int, total: int) -> None: ...
    def finished(self, record: Record) -> None: ...


@dataclass
class Outcome:
    """What a run came to: how many experiments were there already, done, and failed."""

    there: int = 0
    done: int = 0
    failed: int = 0


@dataclass
class Run:
    """A study on its way into a store."""

    study: Study
    store: Store
    observer: Observer
    outcome: Outcome = field(default_factory=Outcome)

    def __call__(self) -> Outcome:
        """Do what is missing; a record that failed is tried again.

        Raises:
            InputError: a model or text cannot be used, found before the first experiment; or a record cannot be kept.
            RuntimeError: a bug: a model was not restored.
        """
        self.store.prepare()
        todo = {model.name: self._missing(model) for model in self.study.models}
        missing = sum(map(len, todo.values()))
        self.outcome.there = len(self.study.experiments) - missing
        self.observer.planned(len(self.study.experiments), self.outcome.there)
        # Every text is cut before the first model is loaded: what is wrong with one is told in the first seconds.
        windows = {model.name: self._windows(model) for model in self.study.models if todo[model.name]}
        for model in self.study.models:
            if todo[model.name]:
                self._model(model, todo[model.name], windows.pop(model.name))
        return self.outcome

    def _missing(self, model: ModelSource) -> list[Experiment]:
        return [experiment for experiment in self.study.cells(model) if not self._done(experiment)]

    def _done(self, experiment: Experiment) -> Record | None:
        record = self.store.read(experiment.id)
        return record if record and record.status == "done" else None

    def _windows(self, model: ModelSource) -> Windows:
        return make_windows(self.study.text, load_tokenizer(model), self.study.context)

    def _model(self, model: ModelSource, todo: list[Experiment], windows: Windows) -> None:
        self.observer.loading(model.name)
        try:
            session = Session(model, windows, self.observer.windows)
        except (InputError, RuntimeError, OSError, ValueError) as error:
            for experiment in todo:
                self._keep(failed(experiment, None, f"the model could not be loaded: {reason(error)}"))
            return
        try:
            dense, *_ = self.study.cells(model)
            known = self._done(dense)
            if not (known and session.remember(known)):
                self._measure(dense, session, session.dense)
            for experiment in todo:
                if not experiment.dense:
                    self._measure(experiment, session, session.pruned)
            if strays := session.loaded.strays():
                raise RuntimeError(f"a bug: {strays[0]} was not restored, so records of {model.name} may be wrong")
        finally:
            session.close()

    def _measure(self, experiment: Experiment, session: Session, work: Callable[[Experiment], Sections]) -> None:
        self.observer.started(experiment)
        started, clock = now(), time.perf_counter()
        try:
            sections = work(experiment)
        except (ExperimentError, RuntimeError, ValueError, ArithmeticError, MemoryError) as error:
            record = failed(experiment, session, reason(error), started, time.perf_counter() - clock)
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        else:
            made_by = environment(session.loaded, started, time.perf_counter() - clock)
            record = Record(id=experiment.id, status="done", experiment=experiment, **sections, environment=made_by)
        self._keep(record)

    def _keep(self, record: Record) -> None:
        try:
            self.store.write(record)
        except OSError as error:
            raise InputError(
                f"cannot write a record to {self.store.folder}: {error.strerror}; make room and run the same command "
                "again: what is done is kept"
            ) from error
        if record.status == "done":
            self.outcome.done += 1
        else:
            self.outcome.failed += 1
        self.observer.finished(record)


def failed(
    experiment: Experiment, session: Session | None, why: str, started: str | None = None, seconds: float = 0.0
) -> Record:
    """The record of an experiment that gave no number, and why."""
    made_by = environment(session.loaded if session else None, started or now(), seconds)
    return Record(id=experiment.id, status="failed", error=why, experiment=experiment, environment=made_by)


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def reason(error: BaseException) -> str:
    """Why an experiment failed, in one sentence."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return "out of memory: take a GPU with more, a shorter context, or a smaller model"
    text = " ".join(str(error).split())[:500]
    return text if isinstance(error, InputError | ExperimentError) else f"{type(error).__name__}: {text}"
