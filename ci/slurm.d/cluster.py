"""SLURM's side of it: its own word on jobs, and its operator's hand."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from lottery import check


def slurm(*command: object) -> str:
    return subprocess.run([*map(str, command)], capture_output=True, text=True, check=True).stdout


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


def process(job: int, task: int, patience: float = 60) -> psutil.Process:
    """The Python that does the task, once it is there."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        for one in psutil.process_iter():
            try:
                around = one.environ()
                place = (around.get("SLURM_ARRAY_JOB_ID"), around.get("SLURM_ARRAY_TASK_ID"))
                if (
                    place == (str(job), str(task))
                    and "submitit.core._submit" in one.cmdline()
                    and "python" in one.name()
                ):
                    return one
            except psutil.Error:
                continue
        time.sleep(0.1)
    check(False, f"no process of {job}_{task}")
    raise AssertionError
