"""Being asked to stop (Ctrl-C, a cluster's signals), so that it is never missed.

An exception that a signal raises can get lost: Python drops those that rise in a destructor or a callback. So the wish
is kept, and long work asks for it between its steps. It can also come out as another one: where it rises while torch
looks at a sequence, torch raises a ValueError in its place. So no failure counts once a signal came.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# What SLURM is told to send to every process of a task some time before a limit; those that do not know this signal
# ignore it. The usual SIGUSR2 would end the process that holds an Apptainer image mounted, and all inside with it.
WALL_TIME = signal.SIGURG
_asked: list[int] = []
_held = 0  # how many blocks put the end off just now


class Interrupted(KeyboardInterrupt):
    """A wish to stop; `signal` says whose."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.signal = signal.Signals(number)

    @property
    def exit_code(self) -> int:
        """128 and the signal's number, as shells have it: 130 after Ctrl-C."""
        return 128 + self.signal


def listen(*signals: signal.Signals) -> None:
    """From now on these signals end what runs, by an `Interrupted` that passes through it."""
    for one in signals:
        signal.signal(one, _raise)


def stop_if_asked() -> None:
    """End here if a signal came whose exception was lost or put off.

    Raises:
        Interrupted: one came.
    """
    if _asked and not _held:
        raise Interrupted(_asked[-1])


@contextmanager
def held() -> Iterator[None]:
    """Put the end off until this short block is done, so that it is done as a whole or not begun.

    Raises:
        Interrupted: a signal came, before the block or in it.
    """
    global _held
    stop_if_asked()
    _held += 1
    try:
        yield
    finally:
        _held -= 1
    stop_if_asked()


@contextmanager
def no_failure_once_asked() -> Iterator[None]:
    """What fails in this block after a signal came is the end that it asked for, whatever the exception.

    Raises:
        Interrupted: the block failed, and a signal had come.
    """
    try:
        yield
    except Exception as error:
        if _asked:
            raise Interrupted(_asked[-1]) from error
        raise


def _raise(number: int, _: FrameType | None) -> None:
    _asked.append(number)
    stop_if_asked()
