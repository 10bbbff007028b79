"""Processes that run one study share its experiments."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from suite.manifest import read_study
from suite.records import Experiment, Store
from suite.records.claims import Claim
from suite.runner.section import Section
from suite.runner.session import Session
from tests.runner.running import GRID, Quiet, Write, run


def test_two_runs_of_one_study_share_its_experiments(write_manifest: Write, tmp_path: Path) -> None:
    path, folder = write_manifest(GRID), tmp_path / "results"
    folder.mkdir()
    alone, _ = run(path, tmp_path / "alone")

    class Meanwhile(Quiet):
        """Another run of the same study, all of it, while this one is at its second experiment."""

        def started(self, experiment: Experiment) -> None:
            if len(self.records) == 1 and not self.stop_after:
                self.stop_after = -1
                run(path, folder)

    files: dict[Path, bytes] = {}
    outcome, _ = run(path, folder, observer := Meanwhile())
    files = {file: file.read_bytes() for file in folder.iterdir()}
    assert outcome.total == alone.total
    assert len(observer.records) == 2  # the dense model and the one it was at; the others were there by then
    run(path, folder)
    assert {file: file.read_bytes() for file in folder.iterdir()} == files


def test_what_another_process_is_at_comes_last(write_manifest: Write, tmp_path: Path) -> None:
    path, folder = write_manifest(GRID), tmp_path / "results"
    folder.mkdir()
    first = read_study(path).experiments[1]
    other = subprocess.Popen(["sleep", "60"])
    claim = Claim(socket.gethostname(), other.pid)
    (folder / f".{first.id}.running").write_text(json.dumps(asdict(claim)))
    try:
        outcome, observer = run(path, folder)
    finally:
        other.kill()
        other.wait()
    assert outcome.done == 4 and observer.records[-1].experiment == first


def test_a_process_that_died_holds_nothing_back(write_manifest: Write, tmp_path: Path) -> None:
    path, folder = write_manifest(GRID), tmp_path / "results"
    folder.mkdir()
    first = read_study(path).experiments[1]
    dead = subprocess.Popen(["true"])
    dead.wait()
    (folder / f".{first.id}.running").write_text(json.dumps(asdict(Claim(socket.gethostname(), dead.pid))))
    _, observer = run(path, folder)
    assert observer.records[1].experiment == first
    assert list(folder.glob(".*")) == []


def test_a_failure_of_what_another_process_has_done_is_none(
    write_manifest: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, folder = write_manifest(GRID), tmp_path / "results"

    def late(self: Session, experiment: Experiment) -> Iterator[Section]:
        monkeypatch.undo()
        run(path, folder)
        raise torch.OutOfMemoryError("the other one has it all")

    monkeypatch.setattr(Session, "altered", late)
    outcome, _ = run(path, folder)
    assert outcome.failed == 0 and outcome.there >= 1
    assert len(Store(folder).paths) == 4
