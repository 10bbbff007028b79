"""Room on the disks: folders of one disk share what is free of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from suite.errors import InputError
from suite.needs import existing, free_bytes, gigabytes

CURE = "make room, or set HF_HOME to a folder on a larger disk"


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes that a folder's disk has to hold yet: of what is fetched (with wheels, for a while), and of models that are
    dequantised."""

    folder: Path
    fetched: int = 0
    converted: int = 0

    @property
    def needed(self) -> int:
        return self.fetched + self.converted

    def __str__(self) -> str:
        words = [f"{gigabytes(self.fetched)} to fetch"] if self.fetched else []
        words += [f"{gigabytes(self.converted)} to dequantise"] if self.converted else []
        return " and ".join(words)


def by_disk(rooms: Iterable[Room]) -> list[Room]:
    """What each disk has to hold, where that is anything, under the folder of it that comes first."""
    found: dict[int, Room] = {}
    for room in rooms:
        if room.needed:
            disk = existing(room.folder).stat().st_dev
            one = found.get(disk, Room(room.folder))
            found[disk] = Room(one.folder, one.fetched + room.fetched, one.converted + room.converted)
    return list(found.values())


def check_room(rooms: Iterable[Room]) -> None:
    """Refuse what the disks cannot hold.

    Raises:
        InputError: in one sentence, with both sizes.
    """
    for room in by_disk(rooms):
        free = free_bytes(room.folder)
        if room.needed > free:
            raise InputError(f"it takes {room}, and the disk of {room.folder} has {gigabytes(free)} free: {CURE}")
