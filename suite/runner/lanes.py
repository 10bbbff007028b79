"""Where trainings are done: on a processor each in a process of its own, on a GPU those that are alike as one batch.

Tried with some 50,000 parameters on two cores: two threads train a network hardly faster than one does, and two
processes of a thread each do nearly twice as much; a batched computation gains nothing there (`ci/bench/trainings.py`).
"""

from __future__ import annotations

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
from suite.runner import kept
from suite.training.cost import BATCHED, TOGETHER
from suite.training.lesson import Exam, Lesson
from suite.training.networks import State
from suite.training.ticket import Done, Subject, train

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

    def subject(self) -> Subject:
        behind = {name: kept.load(path) for name, path in self.behind.items()}
        return Subject(self.experiment, self.config, behind, None if self.source.untrained else pretrained(self.source))


@dataclass(frozen=True)
class Result:
    """What became of a job: what was read off the training, or why it failed."""

    job: Job
    done: Done | None = None
    error: BaseException | None = None
    together: int = 1
    peaks: Peaks | None = None


class Lane(Interface):
    """Does jobs; `room` says how many more it would take now."""

    device: torch.device
    attention: str
    threads: int

    @property
    def room(self) -> int: ...
    def begin(self, jobs: Sequence[Job]) -> None: ...
    def ended(self) -> list[Result]: ...
    def close(self) -> None: ...


def lane_of(source: ModelSource, lesson: Lesson, exam: Exam, step: Callable[[str, int, int], None]) -> Lane:
    """The lane for networks of this size on this machine.

    Args:
        step: told of what, how many steps are done, and how many there will be; also where a run may be ended.
    """
    if not torch.cuda.is_available() and source.anatomy.weights <= BATCHED:
        return Processes(lesson, exam)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return Batches(source, lesson, exam, device, step)


class Processes:
    """A process for each core, with one thread each."""

    device = torch.device("cpu")
    attention = "eager"
    threads = 1

    def __init__(self, lesson: Lesson, exam: Exam, processes: int | None = None) -> None:
        self.lesson, self.exam = lesson, exam
        self.processes = processes or cores()
        self.running: dict[Future[Result], Job] = {}
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.halt = context.Event()
        told = (self.lesson, self.exam, self.halt, os.getpid())
        self.pool = ProcessPoolExecutor(self.processes, context, initializer=_prepare, initargs=told)

    @property
    def room(self) -> int:
        return self.processes - len(self.running)

    def begin(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            self.running[self.pool.submit(_work, job)] = job

    def ended(self) -> list[Result]:
        """What ended within a moment."""
        over, _ = wait(self.running, timeout=SOON, return_when=FIRST_COMPLETED)
        found = [_result(self.running.pop(future), future) for future in over]
        if any(isinstance(one.error, BrokenProcessPool) for one in found):  # and with one process all of them go
            lost = [one.job for one in found if isinstance(one.error, BrokenProcessPool)]
            lost += self.running.values()
            found = [one for one in found if one.job not in lost]
            found += [Result(job, error=ExperimentError(ENDED)) for job in lost]
            self.running.clear()
            self._start()
        return found

    def close(self) -> None:
        """End what runs: a training that is not finished is begun anew another time."""
        self.halt.set()
        self.pool.shutdown(cancel_futures=True)


def _result(job: Job, future: Future[Result]) -> Result:
    error = future.exception()
    return Result(job, error=error) if error else future.result()


class _Halted(BaseException):
    """The run was ended meanwhile."""


@dataclass
class _Told:
    lesson: Lesson
    exam: Exam
    halt: Event


_told: _Told


def _prepare(lesson: Lesson, exam: Exam, halt: Event, parent: int) -> None:
    """Make a process ready: one thread, deaf to Ctrl-C (who runs it hears it), and gone when who runs it is."""
    import signal

    global _told
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    _told = _Told(lesson, exam, halt)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _work(job: Job) -> Result:
    def step(_: int, __: int) -> None:
        if _told.halt.is_set():
            raise _Halted

    memory.reset_peaks()
    (done,) = train([job.subject()], _told.lesson, _told.exam, Processes.device, Processes.attention, step)
    if job.keep:
        kept.save(job.keep, done.ended)
    return Result(job, done, peaks=memory.peaks(Processes.device))


class Batches:
    """One batch after another in this process; networks too large to be batched one by one."""

    def __init__(
        self,
        source: ModelSource,
        lesson: Lesson,
        exam: Exam,
        device: torch.device,
        step: Callable[[str, int, int], None],
    ) -> None:
        self.lesson, self.exam, self.device, self.step = lesson, exam, device, step
        self.most = TOGETHER if source.anatomy.weights <= BATCHED else 1
        self.attention = "eager" if self.most > 1 else "sdpa"
        self.threads = torch.get_num_threads()
        self.jobs: list[Job] = []

    @property
    def room(self) -> int:
        return 10**6  # the more are ready, the more of them are alike

    def begin(self, jobs: Sequence[Job]) -> None:
        self.jobs += jobs

    def ended(self) -> list[Result]:
        """The results of a batch: of the jobs that are like the first one."""
        if not self.jobs:
            return []
        first = self.jobs[0].subject()
        alike, subjects = [self.jobs[0]], [first]
        for job in self.jobs[1:]:
            if len(alike) < self.most and (subject := job.subject()).alike == first.alike:
                alike.append(job)
                subjects.append(subject)
        self.jobs = [job for job in self.jobs if job not in alike]
        memory.reset_peaks()
        what = "step" if len(alike) == 1 else f"{len(alike)} networks, step"
        try:
            found = train(
                subjects, self.lesson, self.exam, self.device, self.attention, lambda n, of: self.step(what, n, of)
            )
            for job, done in zip(alike, found, strict=True):
                if job.keep:
                    kept.save(job.keep, done.ended)
        except (ExperimentError, RuntimeError, ValueError, ArithmeticError, MemoryError, OSError) as error:
            return [Result(job, error=error) for job in alike]
        peaks = memory.peaks(self.device)
        return [Result(job, done, None, len(alike), peaks) for job, done in zip(alike, found, strict=True)]

    def close(self) -> None:
        self.jobs.clear()


def pretrained(source: ModelSource) -> State:
    """A trained model's values in float32, by the names of its parameters; a tied one once."""
    from suite.models.loading import stored_values

    return {name: value.float() for name, value in stored_values(source).items()}
