"""Being asked to stop (Ctrl-C, a cluster's signals), so that it is never missed.

An exception that a signal raises can get lost: Python drops those that rise in a destructor or a callback. So the wish
is kept, and long work asks for it between its steps.
"""

from __future__ import annotations

import signal
from types import FrameType

# What SLURM is told to send to every process of a task some time before a limit; those that do not know this signal
# ignore it. The usual SIGUSR2 would end the process that holds an Apptainer image mounted, and all inside with it.
WALL_TIME = signal.SIGURG
_asked: list[int] = []


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
    """End here if a signal came whose exception was lost.

    Raises:
        Interrupted: one came.
    """
    if _asked:
        raise Interrupted(_asked[-1])


def _raise(number: int, _: FrameType | None) -> None:
    _asked.append(number)
    raise Interrupted(number)
