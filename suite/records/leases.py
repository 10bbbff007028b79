"""Leases on experiments: which process measures which just now. They are advisory.

A lease is a hidden file, `.<id>.running`, kept fresh while its process lives. If one is missing, stale or wrong, an
experiment is at worst measured twice; records stay right without leases.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

FRESH = 120.0  # seconds a lease stays believed without a sign of life
BEAT = 20.0
SUFFIX = ".running"


@dataclass(frozen=True, slots=True)
class Lease:
    """`job` is SLURM's, as `12_0`, or submitit's own, of a process that has one."""

    host: str
    pid: int
    job: str | None = None


class Leases:
    """The leases of one results folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextlib.contextmanager
    def hold(self, experiment_id: str) -> Iterator[None]:
        """Say that this process is at the experiment, until the block ends."""
        path, done = self._path(experiment_id), threading.Event()

        def beat() -> None:
            while not done.wait(BEAT):
                with contextlib.suppress(OSError):
                    os.utime(path)  # and not `touch`, which would make anew what was removed just now

        try:
            # A lease that cannot be written is none: a full disk is told by the record, which can say so.
            with contextlib.suppress(OSError):
                path.write_text(json.dumps(asdict(_own())), encoding="utf-8")
            threading.Thread(target=beat, daemon=True).start()
            yield
        finally:
            with contextlib.suppress(OSError):
                path.unlink()
            done.set()

    def of_others(self, experiment_id: str) -> Lease | None:
        """The lease of another living process on this experiment."""
        lease = _read(self._path(experiment_id))
        return None if lease is None or lease == _own() else lease

    def all(self) -> dict[str, Lease]:
        """Every living lease, by the experiment's id."""
        found = {path.name[1 : -len(SUFFIX)]: _read(path) for path in self.folder.glob(f".*{SUFFIX}")}
        return {experiment_id: lease for experiment_id, lease in found.items() if lease}

    def sweep(self) -> None:
        """Remove what processes that ended suddenly left."""
        for path in self.folder.glob(f".*{SUFFIX}"):
            if _read(path) is None:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _path(self, experiment_id: str) -> Path:
        return self.folder / f".{experiment_id}{SUFFIX}"


def _own() -> Lease:
    job = os.environ.get("SLURM_ARRAY_JOB_ID")
    job = f"{job}_{os.environ.get('SLURM_ARRAY_TASK_ID')}" if job else os.environ.get("SLURM_JOB_ID")
    job = job or os.environ.get("SUBMITIT_LOCAL_JOB_ID")
    return Lease(socket.gethostname(), os.getpid(), job)


def _read(path: Path) -> Lease | None:
    try:
        fresh = abs(time.time() - path.stat().st_mtime) < FRESH
        lease = Lease(**json.loads(path.read_text(encoding="utf-8")))
        gone = lease.host == socket.gethostname() and not psutil.pid_exists(lease.pid)
    except (OSError, ValueError, TypeError):
        return None
    return lease if fresh and not gone else None
