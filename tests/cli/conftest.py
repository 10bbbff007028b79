"""The command line called in this process: as `lottery` in a shell, without the seconds a new Python takes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

import suite.cli
from suite.records import Record, Store


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """A function that calls `lottery ARGUMENTS`."""
    monkeypatch.setattr(suite.cli.signal, "signal", lambda *_: None)  # the handlers of pytest stay

    def call(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["lottery", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            suite.cli.main()
        captured = capsys.readouterr()
        return Done(int(exit_.value.code or 0), captured.out, captured.err)

    return call


@pytest.fixture
def write_records(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes records as a study and returns its folder: `write_records("a", records)`."""

    def write(name: str, records: Iterable[Record]) -> Path:
        store = Store(tmp_path / name)
        store.prepare()
        for record in records:
            store.write(record)
        return store.folder

    return write
