"""The two commands under test, called as a user calls them; every answer is checked for what holds of any."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STATES = {"done", "running", "queued", "failed", "lost", "open"}
PATIENCE = 600  # seconds
STARTED = float(os.environ.get("CI_STARTED") or time.time())


def step(text: str) -> None:
    print(f"ci/slurm: {time.time() - STARTED:4.0f} s  {text}", flush=True)


class UnmetError(Exception):
    """What does not hold."""


def check(holds: object, otherwise: str) -> None:
    if not holds:
        raise UnmetError(otherwise)


def lottery(*arguments: object, code: int = 0, environ: Mapping[str, str] | None = None) -> str:
    """What a command prints; its exit code must be this one."""
    command = [sys.executable, "-m", "suite", *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True, env={**(environ or os.environ)})
    words = " ".join(command[3:])
    check(run.returncode == code, f"exit code {run.returncode}, not {code}: lottery {words}\n{run.stdout}{run.stderr}")
    return run.stdout


@dataclass(frozen=True)
class Study:
    """What `status --json` says of one study."""

    counts: dict[str, int]
    tasks: list[dict[str, Any]]
    cells: list[dict[str, Any]]

    def only(self, **counts: int) -> bool:
        """These are the counts, and all others are zero."""
        return {state: count for state, count in self.counts.items() if count} == counts

    def task(self, job: str) -> str:
        """The state of a task's job."""
        return next(str(task["state"]) for task in self.tasks if task["job"] == job)

    def why(self, state: str) -> dict[str, str]:
        """The reason for each job's cells of this state."""
        found: dict[str, set[str]] = {}
        for cell in self.cells:
            if cell["state"] == state:
                found.setdefault(cell["job"], set()).add(cell["why"])
        check(all(len(reasons) == 1 for reasons in found.values()), f"one reason a job: {found}")
        return {job: str(reasons.pop()) for job, reasons in found.items()}

    @property
    def settled(self) -> bool:
        return not self.counts["running"] and not self.counts["queued"]

    def __str__(self) -> str:
        return ", ".join(f"{count} {state}" for state, count in self.counts.items() if count)


def status(folder: Path) -> Study:
    """The status of a study's folder."""
    command = [sys.executable, "-m", "suite", "status", "--json", str(folder)]
    run = subprocess.run(command, capture_output=True, text=True)
    check(run.returncode in (0, 1), f"lottery status: exit code {run.returncode}\n{run.stderr}")
    said = json.loads(run.stdout)
    check(said["schema"] == "lottery-status/1" and len(said["studies"]) == 1, f"one study: {said}")
    one = said["studies"][0]
    study = Study(one["counts"], one["tasks"], one["cells"])
    check(one["name"] == folder.name, f"{one['name']} is not {folder.name}")
    check(set(study.counts) == STATES, f"states: {study.counts}")
    check(Counter(cell["state"] for cell in study.cells) == Counter(study.counts), f"counts and cells: {run.stdout}")
    at_work = [cell["job"] for cell in study.cells if cell["state"] == "running" and cell["job"]]
    check(len(at_work) == len(set(at_work)), f"more than one cell runs in a task: {run.stdout}")
    amiss = study.counts["failed"] + study.counts["lost"]
    check(run.returncode == bool(amiss), f"exit code {run.returncode} where {amiss} cells failed or were lost")
    for cell in study.cells:
        if cell["state"] in ("failed", "lost"):
            check(cell["why"] and cell["log"] and Path(cell["log"]).parent.is_dir(), f"no reason or no log: {cell}")
    return study


def until(folder: Path, reached: Callable[[Study], bool], what: str, pause: float = 3) -> Study:
    """Ask for the status again and again until this is reached."""
    end = time.monotonic() + PATIENCE
    while not reached(study := status(folder)):
        check(time.monotonic() < end, f"{folder.name}: not {what} after {PATIENCE} s: {study}\n{study.tasks}")
        time.sleep(pause)
    return study


def submit(manifests: list[Path], results: Path, *options: object) -> list[int]:
    """Submit studies; the jobs there are for it, which the command must name."""
    before = _jobs(results)
    said = lottery("submit", *manifests, "--results", results, *options)
    jobs = sorted(_jobs(results) - before)
    check(all(str(job) in said for job in jobs), f"jobs {jobs} are not all named: {said}")
    return jobs


def _jobs(results: Path) -> set[int]:
    return {int(path.name) for path in results.glob("*/jobs/*") if path.name.isdecimal()}
