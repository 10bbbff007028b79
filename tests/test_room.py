"""Folders of one disk share its room."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from suite import room
from suite.errors import InputError
from suite.room import Room, by_disk, check_room


def test_what_one_disk_has_to_hold_is_added_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub, own = Room(tmp_path / "not" / "there", fetched=600_000), Room(tmp_path / "lottery", 400_000, 7_000_000)
    assert by_disk([Room(tmp_path), hub, own]) == [Room(hub.folder, 1_000_000, 7_000_000)]
    monkeypatch.setattr(room, "free_bytes", lambda folder: 7_900_000)  # enough for either
    check_room([hub])
    check_room([own])
    with pytest.raises(InputError, match=r"^it takes 1 MB to fetch and 7 MB to dequantise, .* 7.9 MB free"):
        check_room([hub, own])


def test_disks_are_held_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def of_its_own(folder: Path) -> SimpleNamespace:
        return SimpleNamespace(stat=lambda: SimpleNamespace(st_dev=folder.name))

    monkeypatch.setattr(room, "existing", of_its_own)
    rooms = [Room(tmp_path / "a", fetched=2), Room(tmp_path / "b", converted=3)]
    assert by_disk(rooms) == rooms
