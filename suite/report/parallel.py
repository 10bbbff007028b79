"""Several documents at a time: each in a process of its own where there is more than one core."""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection

from suite.errors import InputError

Task = Callable[[], bytes]


class TaskError(RuntimeError):
    """A task failed in its process; the message holds its traceback."""


def in_parallel(tasks: Mapping[str, Task], parallel: bool | None = None) -> dict[str, bytes]:
    """What each task makes. The bytes do not depend on how they were made; all are there, or an error is raised.

    Processes are forked, so that they start with everything imported and read. Where that cannot be done the tasks run
    one after another.

    Args:
        parallel: whether to use processes; by default, where there are more tasks and more cores than one.

    Raises:
        InputError: that of a task, as it was.
        TaskError: a process ended in another way.
    """
    if parallel is None:
        parallel = len(tasks) > 1 and _cores() > 1 and "fork" in multiprocessing.get_all_start_methods()
    if not parallel:
        return {name: task() for name, task in tasks.items()}
    context = multiprocessing.get_context("fork")
    started = []
    try:
        for name, task in tasks.items():
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(task, theirs), name=name, daemon=True)
            process.start()
            theirs.close()  # so that the end of the process is the end of the pipe
            started.append((name, process, ours))
        return {name: _result(name, pipe) for name, _, pipe in started}
    finally:
        for _, process, pipe in started:
            process.terminate()
            process.join()
            pipe.close()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _work(task: Task, pipe: Connection) -> None:
    """In the child: send what the task made, or why it did not."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # to be ended is no news: the parent ends it once it has the result
    try:
        pipe.send(("done", task()))
    except InputError as error:
        pipe.send(("input", str(error)))
    except Exception:
        pipe.send(("error", traceback.format_exc()))


def _result(name: str, pipe: Connection) -> bytes:
    try:
        how, what = pipe.recv()
    except EOFError:
        raise TaskError(f"the process that made {name} ended before it was done") from None
    if how == "input":
        raise InputError(what)
    if how == "error":
        raise TaskError(f"{name} cannot be made:\n{what}")
    made: bytes = what
    return made
