"""While something foreign is handled: nothing is written outside its folder, nothing run, nothing asked of a network.

Python tells an audit hook of all of these before they happen.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

SECONDS = 2.0  # of the processor, beyond which something counts as hanging; machines are shared, so
PATIENCE = 20.0  # are the seconds on the clock that waiting for something may take
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
PLACES = {  # events that change the disk: how many of their first arguments are paths
    **dict.fromkeys(("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod", "os.chown", "os.utime"), 1),
    **dict.fromkeys(("os.rename", "os.link", "os.symlink"), 2),
}
NEVER = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pty.spawn", "socket.connect")
NEVER += ("socket.getaddrinfo", "socket.bind", "os.putenv", "os.unsetenv", "pickle.find_class", "ctypes.dlopen")
LOOKING = ("os.listdir", "os.scandir")
TEMPTING = ("/etc/", "/dev/", "/proc/self/")  # where the paths that fuzzing invents lead
HARMLESS = ("/dev/null", "__pycache__", "/matplotlib/", "/.cache/fontconfig", "/_jinja2-cache-")

_watch: list[_Watched] = []


class Hang(BaseException):
    """It took too long. No Exception, so that nothing takes it for its own."""


class Forbidden(BaseException):
    """It did, or was about to do, what nothing foreign may make happen."""


class _Watched:
    def __init__(self, folder: Path) -> None:
        self.folder = os.path.realpath(folder)
        self.broken: list[str] = []

    def heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in NEVER:
            self._forbid(f"{event} {arguments!r:.200}")
        elif event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
            self._check(event, arguments[0])
        elif event == "open" or event in LOOKING:
            self._tempted(event, arguments[0])
        elif event in PLACES:
            for place in arguments[: PLACES[event]]:
                self._check(event, place)

    def _check(self, event: str, place: Any) -> None:
        if isinstance(place, int):
            return  # a file that is open already
        path = os.path.realpath(os.fsdecode(place))
        if path != self.folder and not path.startswith(self.folder + os.sep) and not any(h in path for h in HARMLESS):
            self._forbid(f"{event} {path}")

    def _tempted(self, event: str, place: Any) -> None:
        if isinstance(place, str | bytes | os.PathLike):
            path = os.path.normpath(os.fsdecode(place)) + "/"
            if path.startswith(TEMPTING) and not path.startswith(("/dev/null/", "/dev/urandom/")):
                self._forbid(f"{event} {path}")

    def _forbid(self, what: str) -> None:
        self.broken.append(what)
        raise Forbidden(what)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watch:
        _watch[-1].heard(event, arguments)


@contextmanager
def guarded(folder: Path, seconds: float | None = None) -> Iterator[None]:
    """What happens inside may change this folder only, and takes no longer than `seconds` (usually SECONDS).

    Raises:
        Forbidden: it did something else; told at the end where it was caught on the way.
        Hang: it took longer.
    """
    _listen()
    limit = SECONDS if seconds is None else seconds
    watched = _Watched(folder)
    before = [signal.signal(number, _late) for number in (signal.SIGPROF, signal.SIGALRM)]
    started = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, limit)
    signal.setitimer(signal.ITIMER_REAL, max(PATIENCE, 5 * limit))
    _watch.append(watched)
    try:
        yield
    finally:
        _watch.remove(watched)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in zip((signal.SIGPROF, signal.SIGALRM), before, strict=True):
            signal.signal(number, handler)
    if watched.broken:
        raise Forbidden(watched.broken[0])
    if time.process_time() - started > limit:  # where only C was at work, no signal was heard
        raise Hang(f"{time.process_time() - started:.1f} s")


def _late(_number: int, frame: FrameType | None) -> None:
    raise Hang(f"too long, in {frame.f_code.co_qualname if frame else 'C'}")


def _listen() -> None:
    """Hooks stay for as long as the process does, so there is one."""
    if not getattr(sys, "_lottery_listens", False):
        sys._lottery_listens = True  # type: ignore[attr-defined]
        sys.addaudithook(_hook)
