"""Fetching what studies need, and how it looks while it comes: a line a model, with rate and time left."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from suite.cli.progress import duration
from suite.errors import InputError
from suite.needs import Need, free_bytes, gigabytes

if TYPE_CHECKING:
    from suite.hub import HubFile, Repository

LOG_EVERY = 30.0  # seconds between two lines of a job's log


class FetchProgress:
    """A bar for each repository on a terminal; elsewhere a line when it begins, now and then, and when it is done."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self.there = self.came = 0  # bytes: in the cache already, over the network

    def __enter__(self) -> FetchProgress:
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def begin(self, name: str, total: int) -> None:
        """The next repository, of `total` bytes."""
        self.name, self.total = name, total
        self.there = self.came = self.reached = 0
        self.clock = self.told = time.monotonic()
        self.task = self.bars.add_task(name, total=total)

    def found(self, size: int) -> None:
        self.there += size
        self._move(size)

    def fetched(self, size: int) -> None:
        self.came += size
        self._move(size)

    def lost(self, size: int) -> None:
        self._move(-size)

    def note(self, words: str) -> None:
        self.say(f"{self.name}: {words}")

    def done(self) -> None:
        self.bars.remove_task(self.task)

    def say(self, words: str) -> None:
        self.console.print(words, highlight=False, markup=False, soft_wrap=True)

    def _move(self, size: int) -> None:
        self.reached += size
        self.bars.update(self.task, completed=self.reached)
        now = time.monotonic()
        if not self.console.is_terminal and self.came and now - self.told >= LOG_EVERY:
            rate = self.came / (now - self.clock)
            left = duration((self.total - self.reached) / rate)
            self.say(
                f"{self.name}: {gigabytes(self.reached)} of {gigabytes(self.total)}, {rate / 1e6:.1f} MB/s, {left} left"
            )
            self.told = now


@dataclass
class Fetched:
    """What fetching came to: bytes over the network, and one sentence for everything that could not be had."""

    came: int = 0
    failures: tuple[str, ...] = ()


def fetch_all(wanted: list[Need], progress: FetchProgress, *, ask: bool = True) -> Fetched:
    """Fetch and check what is needed; one that cannot be had does not keep the others from coming.

    Args:
        ask: ask the hub what it states, and tell of everything; else go by what the cache remembers, and tell only of
            what comes.

    Raises:
        InputError: the disk has no room for all of it, or the hub cannot be reached.
    """
    from suite.hub.explained import unreachable
    from suite.hub.obtain import obtain
    from suite.hub.repository import files_of

    result = Fetched()
    listed: list[tuple[Need, Repository, list[HubFile]]] = []
    for need in dict.fromkeys(wanted):
        if need.trouble:
            result.failures += (f"{need.trouble}: {need.otherwise}" if need.otherwise else need.trouble,)
            continue
        if need.repository is None:
            if ask:
                progress.say(f"{need.name}: {need.place}, nothing to fetch{_licence(need)}")
            continue
        progress.begin(need.name, 0)
        try:
            listed.append((need, need.repository, files_of(need.repository, progress, ask=ask)))
        except InputError as error:
            told = need.without_hub(str(error))
            if unreachable(error):
                raise InputError(told) from error
            result.failures += (f"{need.name}: {told}",)
        progress.done()
    check_room([(repository, files) for _, repository, files in listed])
    for need, repository, files in listed:
        total = sum(file.size for file in files)
        progress.begin(need.name, total)
        try:
            obtain(repository, files, progress)
        except InputError as error:
            result.failures += (f"{need.name}: {need.without_hub(str(error))}",)
        else:
            if progress.came or ask:
                progress.say(_summary(need, repository, progress))
        result.came += progress.came
        progress.done()
    return result


def check_room(listed: list[tuple[Repository, list[HubFile]]]) -> None:
    """Refuse what the disk cannot hold.

    Raises:
        InputError: in one sentence, with both sizes.
    """
    from suite.hub.cache import cache_folder
    from suite.hub.obtain import missing_bytes

    missing = sum(missing_bytes(repository, files) for repository, files in listed)
    free = free_bytes(cache_folder())
    if missing > free:
        raise InputError(
            f"{gigabytes(missing)} are still to be fetched, and the disk of {cache_folder()} has {gigabytes(free)} "
            "free: make room, or set HF_HOME to a folder on a larger disk"
        )


def _summary(need: Need, repository: Repository, progress: FetchProgress) -> str:
    seconds = max(time.monotonic() - progress.clock, 1e-3)
    if not progress.came:
        how = f"{gigabytes(progress.total)} there already"
    elif progress.there:
        how = f"{gigabytes(progress.came)} fetched in {duration(seconds)}, {gigabytes(progress.there)} there already"
    else:
        how = f"{gigabytes(progress.came)} fetched in {duration(seconds)}"
    return (
        f"{need.name}: {how}; every checksum is the hub's ({repository.name} at {repository.revision[:12]})"
        f"{_licence(need)}"
    )


def _licence(need: Need) -> str:
    return f"; licence {need.licence}" if need.licence else ""
