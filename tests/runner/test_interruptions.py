"""An interruption loses nothing, fails nothing, and ends the run."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from suite import interruption
from suite.errors import InputError
from suite.manifest import read_study
from suite.records import Experiment, Record, Store
from suite.runner.run import Run
from suite.runner.section import Section
from suite.runner.session import Session
from tests.runner.running import GRID, Quiet, Write, run


def test_an_interrupted_run_goes_on_to_the_same_numbers(write_manifest: Write, tmp_path: Path) -> None:
    path = write_manifest(GRID)
    _, whole = run(path, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(path, tmp_path / "cut", Quiet(stop_after=2))
    assert len(Store(tmp_path / "cut").paths) == 2
    outcome, rest = run(path, tmp_path / "cut")
    assert (outcome.there, outcome.done) == (2, 2)
    assert [record.reproducible() for record in rest.records] == [record.reproducible() for record in whole.records[2:]]


def test_a_signal_whose_exception_is_lost_still_ends_the_run(
    write_manifest: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Deaf(Quiet):
        """What Python does with an exception that rises in a destructor."""

        def finished(self, record: Record) -> None:
            super().finished(record)
            with contextlib.suppress(KeyboardInterrupt):
                interruption._raise(signal.SIGTERM, None)

    monkeypatch.setattr(interruption, "_asked", [])
    with pytest.raises(interruption.Interrupted) as caught:
        run(write_manifest(GRID), tmp_path / "results", Deaf())
    assert caught.value.exit_code == 143
    assert len(Store(tmp_path / "results").paths) == 1


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """A function that interrupts what runs, as Ctrl-C at the command line."""
    monkeypatch.setattr(interruption, "_asked", [])
    before = signal.getsignal(signal.SIGINT)
    interruption.listen(signal.SIGINT)
    yield lambda: signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)


def test_an_interruption_of_which_a_library_makes_another_error_fails_no_experiment(
    write_manifest: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signals: Callable[[], None]
) -> None:
    class Sequence:
        """What torch asks for its first item, as it does a storage; it has one error for all that rises there."""

        def __len__(self) -> int:
            return 1

        def __getitem__(self, _: int) -> float:
            signals()
            return 0.0

    def altered(self: Session, experiment: Experiment) -> Iterator[Section]:
        torch.tensor(Sequence())
        yield

    monkeypatch.setattr(Session, "altered", altered)
    observer = Quiet()
    with pytest.raises(interruption.Interrupted):
        run(write_manifest(GRID), tmp_path / "results", observer)
    assert len(Store(tmp_path / "results").paths) == 1  # the dense model's
    assert [record.status for record in observer.records] == ["done"]


def test_an_interruption_while_a_model_is_loaded_fails_no_experiment(
    write_manifest: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signals: Callable[[], None]
) -> None:
    def load(*_: object) -> object:
        with contextlib.suppress(KeyboardInterrupt):
            signals()
        raise InputError("transformers cannot load it")

    monkeypatch.setattr("suite.runner.session.load_model", load)
    with pytest.raises(interruption.Interrupted):
        run(write_manifest(GRID), tmp_path / "results")
    assert not Store(tmp_path / "results").paths


def test_a_bug_that_follows_an_interruption_is_one(
    write_manifest: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signals: Callable[[], None]
) -> None:
    def altered(self: Session, experiment: Experiment) -> Iterator[Section]:
        with contextlib.suppress(KeyboardInterrupt):
            signals()
        raise TypeError
        yield

    monkeypatch.setattr(Session, "altered", altered)
    with pytest.raises(interruption.Interrupted):
        run(write_manifest(GRID), tmp_path / "results")


@pytest.mark.parametrize("call", ["open", "fsync", "link", "unlink"])
def test_a_record_that_is_being_kept_is_kept_counted_and_told_before_an_interruption_ends_the_run(
    write_manifest: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signals: Callable[[], None], call: str
) -> None:
    observer, store = Quiet(), Store(tmp_path / "results")
    runner = Run(read_study(write_manifest(GRID)), store, observer)
    assert runner.agendas
    real = getattr(os, call)

    def interrupted(*arguments: Any, **more: Any) -> object:
        monkeypatch.setattr(os, call, real)
        done = real(*arguments, **more)
        signals()
        return done

    keep = Run._keep

    def kept(self: Run, record: Record) -> None:
        if self.outcome.done == 1:
            monkeypatch.setattr(os, call, interrupted)
        keep(self, record)

    monkeypatch.setattr(Run, "_keep", kept)
    with pytest.raises(interruption.Interrupted):
        runner()
    assert len(store.paths) == runner.outcome.done == len(observer.records) == 2
    assert not list(store.folder.glob(".*"))
