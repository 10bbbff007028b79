"""SLURM's side of it: its own word on jobs, and its operator's hand."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from lottery import UnmetError


def slurm(*command: object) -> str:
    return subprocess.run([*map(str, command)], capture_output=True, text=True, check=True).stdout


def ends(job: int) -> dict[str, list[str]]:
    """How each round of an array's tasks ended, once all have: a last record is there a moment before its job ends."""
    end = time.monotonic() + 60
    while True:
        states = accounts(job, "State")
        if time.monotonic() > end or not any(rounds[-1] in ("RUNNING", "COMPLETING") for rounds in states.values()):
            return states
        time.sleep(1)


def accounts(job: int, field: str) -> dict[str, list[str]]:
    """One field of what accounting knows of an array: task to its values, one a round, the last one last."""
    found: dict[str, list[str]] = {}
    for line in slurm("sacct", "-D", "-X", "-n", "-P", "-j", job, "-o", f"JobID,{field}").splitlines():
        task, value = line.split("|")
        found.setdefault(task, []).append(value)
    return found


@contextmanager
def closed(partition: str) -> Iterator[None]:
    """Meanwhile jobs are taken into the queue, and none starts."""
    slurm("scontrol", "update", f"partitionname={partition}", "state=down")
    try:
        yield
    finally:
        slurm("scontrol", "update", f"partitionname={partition}", "state=up")


def at_work(job: str, folder: Path, patience: float = 120) -> psutil.Process:
    """The Python of a job (`12`, or `12_0` of an array), soon after its study's first record is there."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if any(path.name != "plan.json" for path in folder.glob("*.json")):
            for one in psutil.process_iter():
                with suppress(psutil.Error):
                    if one.name().startswith("python") and _job(one.environ()) == job:
                        time.sleep(0.1)  # it counts the record as its own
                        return one
        time.sleep(0.02)
    raise UnmetError(f"job {job} is not at work after {patience:.0f} s")


def _job(environ: dict[str, str]) -> str | None:
    if array := environ.get("SLURM_ARRAY_JOB_ID"):
        return f"{array}_{environ['SLURM_ARRAY_TASK_ID']}"
    return environ.get("SLURM_JOB_ID")
