"""What SLURM, or this machine, knows of jobs: their states, and what their logs end with."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import psutil
from submitit.slurm.slurm import read_job_id

from suite.cluster.submission import Submission, log

WAITING = {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SUSPENDED", "RESIZING", "STOPPED"}
ACTIVE = {"RUNNING", "COMPLETING", "SIGNALING", "STAGE_OUT"}
UNKNOWN = "UNKNOWN"  # nobody here can say
GONE = "GONE"  # SLURM does not know it any more


@dataclass(frozen=True, slots=True)
class Job:
    """A job's `state` in SLURM's words; `code` is its exit code, `signal` what ended it, 0 where that is not known."""

    state: str
    code: int = 0
    signal: int = 0
    node: str = ""

    @property
    def waiting(self) -> bool:
        return self.state in WAITING

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def ended(self) -> bool:
        return not (self.waiting or self.active or self.state == UNKNOWN)

    @property
    def ended_by(self) -> int:
        """The signal that ended it, also as its exit code tells; 0 where there was none.

        Codes tell of one by 128 and more, as is the custom; srun of SLURM 22.05 by the number itself. Accounting has
        the step's signal too, but not where the job's end overtook the step's. A task by itself ends with 0, 1, 2, 75
        or 128 and more.
        """
        told = self.code - 128 if 128 < self.code < 160 else self.code if 2 < self.code < 32 else 0
        return self.signal or told


def look(found: Collection[tuple[Path, Submission]]) -> dict[tuple[Path, str], Job]:
    """The state of every job of these submissions, by its folder and id."""
    asked = {task.job for _, submission in found if submission.kind == "slurm" for task in submission.tasks}
    slurm = _slurm(asked)
    return {
        (folder, task.job): slurm[task.job] if submission.kind == "slurm" else _local(folder, submission, task.job)
        for folder, submission in found
        for task in submission.tasks
    }


def last_words(folder: Path, job: str) -> str | None:
    """The last line of a job's log that says what went wrong, without SLURM's own."""
    try:
        lines = log(folder, job, "err").read_bytes()[-20_000:].decode(errors="replace").splitlines()
    except OSError:
        return None
    said = [line.strip() for line in lines if line.strip() and not line.startswith(("srun: ", "submitit "))]
    own = [line for line in said if not line.startswith("slurmstepd: ")]
    return (own or said or [""])[-1].removeprefix("lottery: ")[:300] or None


def _slurm(jobs: Collection[str]) -> dict[str, Job]:
    """Accounting says what became of jobs; the queue, which is never late, what is still in it."""
    if not jobs:
        return {}
    arrays = ",".join(sorted({job.partition("_")[0] for job in jobs}))
    past = _ask("sacct", "-X", "-n", "-P", "-o", "JobID,State,NodeList,ExitCode,DerivedExitCode", "-j", arrays)
    queue = _ask("squeue", "-h", "-r", "-o", "%i|%T|%N", "-j", arrays)
    if past is None and queue is None:
        return dict.fromkeys(jobs, Job(UNKNOWN))
    found: dict[str, Job] = {}
    for line in [*(past or []), *(queue or [])]:
        name, state, node, *codes = line.split("|")
        # What ended the Python of a task is its step's (derived) signal; its script sees no more than a code of srun's.
        ends = [(int(code or 0), int(signal or 0)) for code, _, signal in (one.partition(":") for one in codes)]
        code, signal = ends[0][0] if ends else 0, max((signal for _, signal in ends), default=0)
        job = Job((state.split() or [UNKNOWN])[0], code, signal, node.replace("None assigned", ""))
        for one in _names(name):
            found[one] = job
    missing = Job(GONE if queue is not None else UNKNOWN)
    return {job: found.get(job, missing) for job in jobs}


def _names(name: str) -> list[str]:
    """`12_3`, or of `12_[0-2,5]` each."""
    found = []
    for main, *span in read_job_id(name):
        numbers = range(int(span[0]), int(span[-1]) + 1) if span else ()
        found += [f"{main}_{number}" for number in numbers] or [main]
    return found


def _ask(*command: str) -> list[str] | None:
    """The lines a command of SLURM prints; None where it is not here or does not answer."""
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode:
        return [] if "Invalid job id" in done.stderr else None
    return done.stdout.splitlines()


def _local(folder: Path, submission: Submission, job: str) -> Job:
    if submission.host != socket.gethostname():
        return Job(UNKNOWN, node=submission.host)
    try:
        alive = "submitit" in " ".join(psutil.Process(int(job)).cmdline())  # numbers of processes come round again
    except psutil.Error:
        alive = False
    if alive:
        return Job("RUNNING", node=submission.host)
    # How it ended, submitit keeps in a pickle, which is not opened here: a results folder may come from anybody.
    with contextlib.suppress(OSError):
        if b"Job completed successfully" in log(folder, job, "out").read_bytes():
            return Job("COMPLETED", node=submission.host)
    return Job("FAILED", code=1, node=submission.host)
