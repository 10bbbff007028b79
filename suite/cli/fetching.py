"""Fetching what studies need, and how it looks while it comes: a line a model, with rate and time left."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from suite.cli.progress import duration
from suite.errors import InputError
from suite.needs import Need, gigabytes

if TYPE_CHECKING:
    from suite.models.source import ModelSource

LOG_EVERY = 30.0  # seconds between two lines of a job's log


class FetchProgress:
    """A bar for each repository or file on a terminal; elsewhere a line now and then, and when it is done."""

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
        """The next repository or file, of `total` bytes; 0 where that is not known."""
        self.name, self.total = name, total
        self.there = self.came = self.reached = 0
        self.clock = self.told = time.monotonic()
        self.task = self.bars.add_task(name, total=total or None)

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
            of = left = ""
            if self.total:
                of = f" of {gigabytes(self.total)}"
                left = f", {duration(max(0, self.total - self.reached) / rate)} left"
            self.say(f"{self.name}: {gigabytes(self.reached)}{of}, {rate / 1e6:.1f} MB/s{left}")
            self.told = now


@dataclass
class Fetched:
    """What fetching came to: bytes over the network, and one sentence for everything that could not be had."""

    came: int = 0
    failures: tuple[str, ...] = ()


def fetch_all(
    wanted: list[Need], progress: FetchProgress, *, ask: bool = True, models: Iterable[ModelSource] = ()
) -> Fetched:
    """Fetch and check what is needed; one that cannot be had does not keep the others from coming.

    Args:
        ask: ask the hub what it states, and tell of everything; else go by what the cache remembers, and tell only of
            what comes.
        models: those that are dequantised afterwards, for which there has to be room too.

    A hub that cannot be reached is asked no more, and what comes from elsewhere still comes.

    Raises:
        InputError: the disk has no room for all of it.
    """
    from suite.cli.listing import listing
    from suite.gguf.cache import rooms
    from suite.hub.explained import unreachable
    from suite.hub.repository import remembered
    from suite.room import check_room

    result = Fetched()
    listed = []
    silent = ""  # why the hub cannot be reached
    for need in dict.fromkeys(wanted):
        if need.trouble:
            result.failures += (f"{need.trouble}: {need.otherwise}" if need.otherwise else need.trouble,)
            continue
        if not need.remote:
            if ask:
                progress.say(f"{need.name}: {need.place}, nothing to fetch{_licence(need)}")
            continue
        if silent and need.repository is not None and remembered(need.repository) is None:
            result.failures += (f"{need.name}: {need.without_hub(silent)}",)
            continue
        progress.begin(need.name, 0)
        try:
            listed.append(listing(need, progress, ask=ask and not silent))
        except InputError as error:
            result.failures += (f"{need.name}: {need.without_hub(str(error))}",)
            if unreachable(error):
                silent = "the hub cannot be reached"
        progress.done()
    check_room([*(one.room for one in listed), *rooms(models)])
    for one in listed:
        progress.begin(one.need.name, one.size)
        try:
            right = one.bring(progress)
        except InputError as error:
            result.failures += (f"{one.need.name}: {one.need.without_hub(str(error))}",)
        else:
            if progress.came or ask:
                progress.say(_summary(one.need, right, progress))
        result.came += progress.came
        progress.done()
    return result


def bring_files(manifests: Iterable[Path], console: Console) -> None:
    """Fetch the files that manifests cannot be read without, so that it is seen how they come.

    Raises:
        InputError: one cannot be had.
    """
    from suite.manifest import weights_files

    if wanted := [Need(name, weights=weights) for path in manifests for name, weights in weights_files(path)]:
        with FetchProgress(console) as progress:
            fetched = fetch_all(wanted, progress, ask=False)
        if fetched.failures:
            raise InputError(fetched.failures[0])


def _summary(need: Need, right: str, progress: FetchProgress) -> str:
    seconds = max(time.monotonic() - progress.clock, 1e-3)
    if not progress.came:
        how = f"{gigabytes(progress.there)} there already"
    elif progress.there:
        how = f"{gigabytes(progress.came)} fetched in {duration(seconds)}, {gigabytes(progress.there)} there already"
    else:
        how = f"{gigabytes(progress.came)} fetched in {duration(seconds)}"
    return f"{need.name}: {how}{right}{_licence(need)}"


def _licence(need: Need) -> str:
    return f"; licence {need.licence}" if need.licence else ""
