"""Where trainings are done, those that are alike as one batch: a batch a core on a processor, one at a time on a GPU.

Tried with some 50,000 parameters on two cores (`ci/bench/trainings.py`): a second thread hardly makes a training
faster, a second process does twice as much, and a batch of eight takes half to four fifths of eight trainings' time.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any
from typing import Protocol as Interface

import torch

from suite.errors import ExperimentError
from suite.evaluation import memory
from suite.machine import cores
from suite.models.source import ModelSource
from suite.records.experiment import Experiment
from suite.records.peaks import Peaks
from suite.runner import checkpoints
from suite.runner.reasons import FAILURES
from suite.training.cost import BATCHED, ON_A_CORE, TOGETHER
from suite.training.data import HeldOut, TrainingData
from suite.training.levels import asked_of
from suite.training.networks import State
from suite.training.ticket import Done, Subject, alike_in, train

SOON = 0.2  # seconds between two looks at whether anything ended
ENDED = "its process ended suddenly, as it does where memory runs out; run the same command again: what is done is kept"


@dataclass(frozen=True)
class Job:
    """A training to do, told so that another process can: `behind` are the files of the networks it stands on, and
    `keep` where its own is to be kept."""

    experiment: Experiment
    source: ModelSource
    config: Mapping[str, Any]
    behind: Mapping[str, Path] = field(default_factory=dict)
    keep: Path | None = None

    @property
    def steps(self) -> int:
        return asked_of(self.experiment).steps

    @property
    def alike(self) -> tuple[object, ...]:
        """What must be equal for jobs to be done as one batch."""
        return alike_in(self.experiment, self.config)

    def subject(self) -> Subject:
        behind = {name: checkpoints.load(path) for name, path in self.behind.items()}
        return Subject(self.experiment, self.config, behind, None if self.source.untrained else pretrained(self.source))


def batch_of(ready: Sequence[Job], most: int, shares: int = 1) -> list[Job]:
    """Of jobs that could begin the first one, and others that are alike: so many at most, or the part of them that is
    left for each of so many that share them."""
    wanted = ready[0].alike
    alike = [job for job in ready if job.alike == wanted]
    return alike[: min(most, math.ceil(len(alike) / shares))]


@dataclass(frozen=True)
class Result:
    """What became of a job: what was read off the training, or why it failed."""

    job: Job
    done: Done | None = None
    error: BaseException | None = None
    together: int = 1
    peaks: Peaks | None = None


class Executor(Interface):
    """Does jobs. `begin` takes what it has `room` for of those that are ready, and says which; `ended` gives what ended
    within a moment."""

    device: torch.device
    attention: str
    threads: int

    @property
    def room(self) -> bool: ...
    def begin(self, ready: Sequence[Job]) -> list[Job]: ...
    def ended(self) -> list[Result]: ...
    def close(self) -> None: ...


def executor_of(
    source: ModelSource, data: TrainingData, held_out: HeldOut, step: Callable[[str, int, int], None]
) -> Executor:
    """The executor for networks of this size on this machine.

    Args:
        step: told of what, how many steps are done, and how many there will be; also where a run may be ended.
    """
    if not torch.cuda.is_available() and source.anatomy.weights <= BATCHED:
        return Processes(data, held_out, step)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return Batches(source, data, held_out, device, step)


class Processes:
    """A process for each core, with one thread each."""

    device = torch.device("cpu")
    attention = "eager"
    threads = 1

    def __init__(
        self,
        data: TrainingData,
        held_out: HeldOut,
        step: Callable[[str, int, int], None],
        processes: int | None = None,
        most: int = ON_A_CORE,
    ) -> None:
        self.data, self.held_out, self.step, self.most = data, held_out, step, most
        self.processes = processes or cores()
        self.running: dict[Future[list[Result]], list[Job]] = {}
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.halt, self.steps = context.Event(), context.Value("Q", 0)  # the steps of all networks under way
        told = (self.data, self.held_out, self.halt, self.steps, os.getpid())
        self.pool = ProcessPoolExecutor(self.processes, context, initializer=_prepare, initargs=told)

    @property
    def room(self) -> bool:
        return len(self.running) < self.processes

    def begin(self, ready: Sequence[Job]) -> list[Job]:
        begun: list[Job] = []
        while (left := [job for job in ready if job not in begun]) and self.room:
            batch = batch_of(left, self.most, self.processes - len(self.running))
            self.running[self.pool.submit(_work, batch)] = batch
            begun += batch
        return begun

    def ended(self) -> list[Result]:
        over, _ = wait(self.running, timeout=SOON, return_when=FIRST_COMPLETED)
        if networks := sum(map(len, self.running.values())):
            done, all_of_them = self.steps.value // networks, self._steps_of_all() // networks
            self.step(f"{networks} networks, step", min(done, all_of_them), all_of_them)
        found: list[Result] = []
        for future in over:
            jobs, error = self.running.pop(future), future.exception()
            if isinstance(error, BrokenProcessPool):  # and with one process all of them go
                jobs += [job for batch in self.running.values() for job in batch]
                self.running.clear()
                self._start()
                return [*found, *(Result(job, error=ExperimentError(ENDED)) for job in jobs)]
            found += [Result(job, error=error) for job in jobs] if error else future.result()
            with self.steps.get_lock():
                self.steps.value = max(0, self.steps.value - sum(job.steps for job in jobs))
        return found

    def _steps_of_all(self) -> int:
        return sum(job.steps for jobs in self.running.values() for job in jobs)

    def close(self) -> None:
        """End what runs: a training that is not finished is begun anew another time."""
        self.halt.set()
        self.pool.shutdown(cancel_futures=True)


class _Halted(BaseException):
    """The run was ended meanwhile."""


@dataclass
class _Told:
    data: TrainingData
    held_out: HeldOut
    halt: Event
    steps: Any  # a number that all processes share


_told: _Told


def _prepare(data: TrainingData, held_out: HeldOut, halt: Event, steps: Any, parent: int) -> None:
    """Make a process ready: one thread, deaf to Ctrl-C (who runs it hears it), and gone when who runs it is."""
    import signal

    global _told
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    _told = _Told(data, held_out, halt, steps)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _work(jobs: Sequence[Job]) -> list[Result]:
    def step(_: int, __: int) -> None:
        if _told.halt.is_set():
            raise _Halted
        with _told.steps.get_lock():
            _told.steps.value += len(jobs)

    return _train(jobs, _told.data, _told.held_out, Processes.device, Processes.attention, step)


def _train(
    jobs: Sequence[Job],
    data: TrainingData,
    held_out: HeldOut,
    device: torch.device,
    attention: str,
    step: Callable[[int, int], None],
) -> list[Result]:
    """Do jobs that are alike; where that fails, in halves, so that only those fail that do so alone."""
    memory.reset_peaks()
    try:
        found = train([job.subject() for job in jobs], data, held_out, device, attention, step)
        for job, done in zip(jobs, found, strict=True):
            if job.keep:
                checkpoints.save(job.keep, done.ended)
    except (*FAILURES, OSError) as error:
        if len(jobs) == 1:
            return [Result(jobs[0], error=error)]
    else:
        peaks = memory.peaks(device)
        return [Result(job, done, None, len(jobs), peaks) for job, done in zip(jobs, found, strict=True)]
    half, told = len(jobs) // 2, (data, held_out, device, attention, step)
    return [*_train(jobs[:half], *told), *_train(jobs[half:], *told)]


class Batches:
    """One batch after another in this process; networks too large to be batched one by one."""

    def __init__(
        self,
        source: ModelSource,
        data: TrainingData,
        held_out: HeldOut,
        device: torch.device,
        step: Callable[[str, int, int], None],
    ) -> None:
        self.data, self.held_out, self.device, self.step = data, held_out, device, step
        self.most = TOGETHER if source.anatomy.weights <= BATCHED else 1
        self.attention = "eager" if self.most > 1 else "sdpa"
        self.threads = torch.get_num_threads()
        self.batch: list[Job] = []

    @property
    def room(self) -> bool:
        return not self.batch

    def begin(self, ready: Sequence[Job]) -> list[Job]:
        if not (ready and self.room):
            return []
        self.batch = batch_of(ready, self.most)
        return self.batch

    def ended(self) -> list[Result]:
        jobs, self.batch = self.batch, []
        if not jobs:
            return []
        what = "step" if len(jobs) == 1 else f"{len(jobs)} networks, step"
        return _train(jobs, self.data, self.held_out, self.device, self.attention, lambda n, of: self.step(what, n, of))

    def close(self) -> None:
        self.batch = []


def pretrained(source: ModelSource) -> State:
    """A trained model's values in float32, by the names of its parameters; a tied one once."""
    from suite.models.loading import stored_values

    return {name: value.float() for name, value in stored_values(source).items()}
