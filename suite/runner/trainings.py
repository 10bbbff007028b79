"""The trainings of a search for a ticket: each begun as soon as those it stands on have ended, one record each."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from suite.interruption import stop_if_asked
from suite.manifest import Study
from suite.models.achieved import achieved
from suite.models.loading import full_configuration, load_tokenizer
from suite.models.source import ModelSource
from suite.pruning.masks import packed
from suite.records import Experiment, Record, Store
from suite.records.leases import Leases
from suite.records.schema import Environment, Pruning, TensorCount
from suite.records.trained import Trained
from suite.records.wording import describe
from suite.runner import checkpoints
from suite.runner.environment import environment, plugins_of
from suite.runner.executors import Executor, Job, Result, executor_of
from suite.runner.reasons import now, reason
from suite.runner.worklist import finished
from suite.training.data import HeldOut, TrainingData, held_out_of, training_data
from suite.training.levels import STOOD_ON, asked_of, remaining, stands_on
from suite.training.narrower import narrower
from suite.training.ticket import Done

WAITING = 1.0  # seconds between two looks at what another process is at


class Trainings:
    """One network's trainings in a study.

    Args:
        missing: those without a record.
        keep: takes each record as it is made.
        found: takes a record that another process made meanwhile.
        started: told of each training that begins.
        step: told of what, how many are done, and how many there will be.
    """

    def __init__(
        self,
        study: Study,
        model: ModelSource,
        store: Store,
        missing: list[Experiment],
        keep: Callable[[Record], None],
        found: Callable[[Record], None],
        started: Callable[[Experiment], None],
        step: Callable[[str, int, int], None],
    ) -> None:
        self.model, self.store = model, store
        self.config = full_configuration(model)
        self.keep, self.found, self.started, self.step = keep, found, started, step
        self.leases = Leases(store.folder)
        self.weights = model.anatomy.block_weights
        self.todo: dict[str, Experiment] = {}
        self.behind: dict[str, dict[str, str]] = {}  # the ids of what each of them stands on, by what it is to it
        self.jobs: dict[str, Job] = {}
        self.again: set[str] = set()  # recorded, and trained once more for those that stand on them
        self.running: dict[str, Running] = {}
        for experiment in missing:
            self._want(experiment)
        asked = asked_of(missing[0])
        tokenizer = load_tokenizer(model)
        self.held_out: HeldOut = held_out_of(study.text, tokenizer, study.context)
        self.data: TrainingData = training_data(
            study.text_of(asked.text), tokenizer, study.context, asked.recall_weight
        )

    def __call__(self) -> None:
        """Do them all. What failed takes along what stands on it, and has a record that says why.

        Raises:
            Interrupted: a signal asked for it; trainings that had not ended are begun anew another time.
        """
        executor = executor_of(self.model, self.data, self.held_out, self.step)
        clock = time.perf_counter()
        try:
            while self.todo or self.running:
                stop_if_asked()
                self._begin(executor)
                results = executor.ended()
                moment = time.perf_counter()
                for running in self.running.values():  # time is shared by all that run, and adds up to what passed
                    running.seconds += (moment - clock) / len(self.running)
                clock = moment
                for result in results:
                    self._end(result, executor)
        finally:
            executor.close()
            for running in self.running.values():
                running.lease.close()

    def _want(self, experiment: Experiment) -> None:
        """Put a training on the list, behind those it stands on and that are not kept."""
        if experiment.id in self.todo:
            return
        stands = stands_on(experiment, self.weights)
        self.behind[experiment.id] = {name: behind.id for name, behind in stands.items()}
        for behind in stands.values():
            recorded = finished(self.store, behind) is not None
            if not (recorded and checkpoints.whole(checkpoints.path_of(self.store.folder, behind.id))):
                self._want(behind)
                if recorded:
                    self.again.add(behind.id)
        self.todo[experiment.id] = experiment

    def _ready(self) -> list[Experiment]:
        """What could begin now; first that on which others stand."""
        busy = self.todo.keys() | self.running.keys()
        ready = [
            one
            for one_id, one in self.todo.items()
            if not any(behind in busy for behind in self.behind[one_id].values())
        ]
        return sorted(ready, key=lambda one: asked_of(one).arm not in STOOD_ON)

    def _begin(self, executor: Executor) -> None:
        if not executor.room:
            return  # and nothing is read to no purpose
        ready = self._ready()
        free = [one for one in ready if self.leases.of_others(one.id) is None]
        for experiment in free:  # another process may have done it since
            if (record := finished(self.store, experiment)) and experiment.id not in self.again:
                del self.todo[experiment.id]
                self.found(record)
        for job in executor.begin([self._job(one) for one in free if one.id in self.todo]):
            del self.todo[job.experiment.id]
            self.running[job.experiment.id] = Running.of(self.leases, job.experiment)
            self.started(job.experiment)
        if ready and not free and not self.running:
            time.sleep(WAITING)  # another process is at all that could begin

    def _job(self, experiment: Experiment) -> Job:
        if experiment.id in self.jobs:
            return self.jobs[experiment.id]
        asked, folder, config = asked_of(experiment), self.store.folder, self.config
        if asked.arm == "small-dense":
            pruned = self.weights - remaining(self.weights, asked.pruned, asked.level)
            config = narrower(config, self.model.anatomy.weights - pruned)
        behind = {name: checkpoints.path_of(folder, one) for name, one in self.behind[experiment.id].items()}
        keep = checkpoints.path_of(folder, experiment.id) if asked.arm in STOOD_ON else None
        return self.jobs.setdefault(experiment.id, Job(experiment, self.model, config, behind, keep))

    def _end(self, result: Result, executor: Executor) -> None:
        experiment = result.job.experiment
        running = self.running.pop(experiment.id)
        try:
            if result.error:
                for one in [experiment, *self._above(experiment)]:
                    self.todo.pop(one.id, None)
                    why = reason(result.error)
                    if one is not experiment:
                        why = f"a training it stands on failed ({describe(experiment)}): {why}"
                    self.keep(self._record(one, running.environment(executor), error=why))
            elif experiment.id not in self.again:
                self.keep(self._record(experiment, running.environment(executor), **self._sections(result)))
        finally:
            running.lease.close()

    def _above(self, experiment: Experiment) -> list[Experiment]:
        """What is left to do and stands on this training, or on one that does."""
        lost = {experiment.id}
        for one in self.todo:  # each comes after those it stands on
            if lost & set(self.behind[one].values()):
                lost.add(one)
        return [self.todo[one] for one in self.todo if one in lost]

    def _sections(self, result: Result) -> dict[str, Any]:
        assert result.done is not None
        done, config = result.done, result.job.config
        pruning = self._pruning(done)
        small = asked_of(result.job.experiment).arm == "small-dense"
        # No weight of a smaller network comes from the file that the others start from.
        source = replace(self.model, config=config, gguf=None if small else self.model.gguf)
        trained = Trained(
            loss=done.loss,
            floor=self.held_out.floor,
            tokens=self.held_out.windows[:, 1:].numel(),
            windows=len(self.held_out.windows),
            text_sha256=self.held_out.text_sha256,
            tokenizer_sha256=self.held_out.tokenizer_sha256,
            softmax="float64",
            course=done.course,
            parameters=source.anatomy.weights - (pruning.zeros if pruning else 0),
            hidden=config["hidden_size"] if small else None,
            inner=config["intermediate_size"] if small else None,
            overlaps=done.overlaps,
            path=done.path,
            parallel=result.together,
            seconds=done.seconds,
            peaks=result.peaks,
        )
        return {"model": source.summary, "pruning": pruning, "training": trained}

    def _pruning(self, done: Done) -> Pruning | None:
        mask = done.ended.mask
        if not mask:
            return None
        counts = {
            name: TensorCount(weights=keeps.numel(), zeros=int((~keeps).sum()), zeros_before=0)
            for name, keeps in mask.items()
        }
        bits = {name: packed(~keeps) for name, keeps in mask.items()}
        return achieved(self.model.anatomy, self.model.anatomy.block_linears, counts, bits, 0.0)

    def _record(
        self, experiment: Experiment, environment: Environment, error: str | None = None, **sections: Any
    ) -> Record:
        return Record(
            id=experiment.id,
            status="failed" if error else "done",
            error=error,
            experiment=experiment,
            environment=environment.model_copy(update={"plugins": plugins_of(experiment, self.model)}),
            **{"model": self.model.summary, **sections},
        )


@dataclass
class Running:
    """A training that was begun, and the seconds that were its share since."""

    lease: ExitStack
    started: str
    seconds: float = 0.0

    @classmethod
    def of(cls, leases: Leases, experiment: Experiment) -> Running:
        stack = ExitStack()
        stack.enter_context(leases.hold(experiment.id))
        return cls(stack, now())

    def environment(self, executor: Executor) -> Environment:
        """Where it was trained."""
        found = environment(None, self.started, self.seconds)
        return found.model_copy(
            update={
                "device": str(executor.device),
                "device_map": f"{executor.device}: the whole network",
                "threads": executor.threads,
                "dtype": "float32",
                "dtype_reason": "networks are trained in float32",
                "attention": executor.attention,
            }
        )
