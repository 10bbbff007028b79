"""What has become of a study: every cell's state, from its record, from who is at it, and from its job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from suite.cluster.jobs import Job, last_words, look
from suite.cluster.submission import TaskEntry, log, submissions
from suite.forecast.pace import Pace
from suite.manifest.cliff import Known, Search
from suite.records import Experiment, Plan, Record, Store, read_records
from suite.records.claims import Claims
from suite.records.wording import describe

State = Literal["done", "running", "queued", "failed", "lost", "open"]
STATES: tuple[State, ...] = ("done", "running", "queued", "failed", "lost", "open")
LOST = {  # states of an ended job, and what they mean for what it has not done
    "TIMEOUT": "its job ran out of time and was not put back into the queue",
    "NODE_FAIL": "its node failed",
    "PREEMPTED": "its job had to make room for another",
    "CANCELLED": "its job was cancelled",
    "COMPLETED": "its job ended without it",
    "GONE": "its job was cancelled before it began, or SLURM has forgotten it",
}


@dataclass(frozen=True, slots=True)
class CellStatus:
    """A cell, or a whole search for a cliff. `why` ends a sentence about it; `log` is where to read on."""

    id: str
    what: str
    state: State
    why: str | None = None
    job: str | None = None
    log: Path | None = None


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """One task: how many of its cells are done, and what it is at."""

    folder: Path
    entry: TaskEntry
    job: Job
    done: int
    seconds: float  # foreseen for what is left, corrected by how well what is done was foreseen
    at: str | None = None

    @property
    def cells(self) -> int:
        return len(self.entry.cells) + len(self.entry.searches)


@dataclass(frozen=True)
class StudyStatus:
    """`seconds_left`: about how long until all that is running or queued is done; None where nothing is."""

    name: str
    folder: Path
    cells: tuple[CellStatus, ...]
    tasks: tuple[TaskStatus, ...]
    seconds_left: float | None

    @property
    def counts(self) -> dict[State, int]:
        counted = Counter(cell.state for cell in self.cells)
        return {state: counted[state] for state in STATES}

    @property
    def under_way(self) -> bool:
        return any(cell.state in ("running", "queued") for cell in self.cells)


def study_status(folder: Path) -> StudyStatus:
    """The status of the study whose records are in this folder."""
    return _Look(Store(folder)).status()


class _Look:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.plan: Plan | None = store.read_plan()
        # Records last: a job that writes its last one and ends meanwhile would seem to have lost it.
        self.submissions = submissions(store.folder)
        self.jobs = look(self.submissions)
        self.task_of = {  # the last one of each cell
            cell: (folder, task.job)
            for folder, submission in reversed(self.submissions)
            for task in submission.tasks
            for cell in (*task.cells, *task.searches)
        }
        # A log is read once a task and not once a cell.
        self.ends = {task: _ended(job, last_words(*task)) for task, job in self.jobs.items() if job.ended}
        self.claims = Claims(store.folder).all()
        self.records = {record.id: record for record in read_records([store.folder])[0]}
        planned = (*self.plan.experiments, *(one.template for one in self.plan.searches)) if self.plan else ()
        self.experiments = {one.id: one for one in planned}

    def status(self) -> StudyStatus:
        cells = tuple(self._cells())
        name = self.plan.name if self.plan else self.store.folder.name
        tasks = tuple(self._tasks({cell.id: cell for cell in cells}))
        return StudyStatus(name, self.store.folder, cells, tasks, self._left(tasks))

    def _cells(self) -> Iterator[CellStatus]:
        planned = {one.id: one for one in self.plan.experiments} if self.plan else {}
        searches = [Search.planned(one) for one in self.plan.searches] if self.plan else []
        for experiment in planned.values():
            yield self._cell(experiment, describe(experiment))
        for search in searches:
            yield self._search(search, planned)
        for record in self.records.values():  # of cells that no plan names: points of searches are told with these
            if record.id not in planned and not any(search.covers(record.experiment) for search in searches):
                yield self._cell(record.experiment, describe(record.experiment))

    def _cell(self, experiment: Experiment, what: str) -> CellStatus:
        record = self.records.get(experiment.id)
        if record and record.status == "done":
            return CellStatus(experiment.id, what, "done")
        claim = self.claims.get(experiment.id)
        if claim:
            return CellStatus(experiment.id, what, "running", f"on {claim.host}", claim.job)
        return self._waiting(experiment.id, what, record)

    def _search(self, search: Search, planned: Collection[str]) -> CellStatus:
        what = f"{describe(search.template, share=False)}, cliff"
        mine = [record for record in self.records.values() if search.covers(record.experiment)]
        if search.next(Known.of(mine)) is None:
            return CellStatus(search.template.id, what, "done")
        for point in search.points:  # one that the plan names by itself is told by itself
            if point.id not in planned and (claim := self.claims.get(point.id)):
                at = f"at {100 * point.sparsity:.0f} %, on {claim.host}"
                return CellStatus(search.template.id, what, "running", at, claim.job)
        return self._waiting(search.template.id, what, None)

    def _waiting(self, cell: str, what: str, record: Record | None) -> CellStatus:
        """A cell that is neither done nor being measured: what its last job says of it."""
        if cell not in self.task_of:
            return CellStatus(cell, what, "failed", record.error) if record else CellStatus(cell, what, "open")
        folder, name = self.task_of[cell]
        job, where = self.jobs[folder, name], log(folder, name, "out" if record else "err")
        if not job.ended and (record is None or job.waiting):
            return CellStatus(cell, what, "queued", None, name, where)
        if record:
            return CellStatus(cell, what, "failed", record.error, name, where)
        return CellStatus(cell, what, *self.ends[folder, name], name, where)

    def _tasks(self, cells: dict[str, CellStatus]) -> Iterator[TaskStatus]:
        for folder, submission in self.submissions:
            for task in submission.tasks:
                foreseen = {**task.cells, **task.searches}
                left = {one: seconds for one, seconds in foreseen.items() if _state(cells, one) != "done"}
                at = [cell.what for cell in cells.values() if cell.state == "running" and cell.job == task.job]
                job, done = self.jobs[folder, task.job], len(foreseen) - len(left)
                seconds = sum(self._pace_of(one) * foreseen for one, foreseen in left.items())
                yield TaskStatus(folder, task, job, done, seconds, at[0] if at else None)

    @cached_property
    def _pace(self) -> Pace:
        """How well what is done was foreseen, whichever task did it."""
        foreseen = {
            cell: seconds for _, one in self.submissions for task in one.tasks for cell, seconds in task.cells.items()
        }
        done = [record for record in self.records.values() if record.status == "done" and record.id in foreseen]
        return Pace((one.experiment, one.environment.seconds, foreseen[one.id]) for one in done)

    def _pace_of(self, one: str) -> float:
        """Of an experiment or a search, by its id; 1 where no plan names it."""
        return self._pace(self.experiments[one]) if one in self.experiments else 1.0

    def _left(self, tasks: tuple[TaskStatus, ...]) -> float | None:
        """Foreseen seconds, over the tasks at work."""
        alive = [task for task in tasks if task.job.active or task.job.waiting]
        if not alive:
            return None
        at_work = max(1, sum(task.job.active for task in alive))
        return max(max(task.seconds for task in alive), sum(task.seconds for task in alive) / at_work)


def _state(cells: dict[str, CellStatus], cell: str) -> State:
    return cells[cell].state if cell in cells else "open"


def _ended(job: Job, words: str | None) -> tuple[State, str]:
    """What a job's end means for the cells it has not done."""
    if job.state == "OUT_OF_MEMORY":
        return "failed", "its job ran out of the host's memory: submit with more --memory"
    if job.state in LOST:
        return "lost", LOST[job.state]
    if number := job.ended_by:
        return "lost", f"its job was ended by signal {number}"
    return "failed", words or f"its job ended in state {job.state}, exit code {job.code}"
