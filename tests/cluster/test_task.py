"""A task does its share and nothing else, and ends by an exit code that says what is to become of the rest."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from suite import interruption
from suite.cluster import task as task_module
from suite.cluster.task import REQUEUE, Task
from suite.manifest import read_study
from suite.records import Store, read_records
from suite.runner.run import Run

GRID = "[{target: [attention, mlp, blocks], sparsity: 0.5}]"
Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def undisturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_module, "listen", lambda *_: None)  # the handlers of pytest stay
    monkeypatch.setattr(interruption, "_asked", [])


def make(path: Path, folder: Path, *cells: int, minutes: int | None = None) -> Task:
    study = read_study(path)
    return Task(str(path), str(folder), tuple(study.experiments[index].id for index in cells), (), minutes)


def ends(task: Task) -> int:
    with pytest.raises(SystemExit) as caught:
        task()
    return int(caught.value.code or 0)


def test_a_task_does_its_share_and_the_baseline_it_needs(write_manifest: Write, tmp_path: Path) -> None:
    path = write_manifest(GRID)
    assert make(path, tmp_path / "r", 2)() == {"there": 0, "done": 2, "failed": 0}
    found = {record.experiment.target for record in read_records([tmp_path / "r"])[0]}
    assert found == {None, "mlp"}
    assert Store(tmp_path / "r").read_plan() is None  # a share is not the study's plan


def interrupted(monkeypatch: pytest.MonkeyPatch, number: signal.Signals, after: int) -> None:
    """Let the signal come before the experiment after so many."""
    real = Run._measure

    def measure(self: Run, *arguments: object) -> object:
        if self.outcome.done == after:
            interruption._raise(number, None)
        return real(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Run, "_measure", measure)


def test_near_its_time_limit_it_asks_for_the_queue_again(
    write_manifest: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupted(monkeypatch, interruption.WALL_TIME, after=2)
    assert ends(make(write_manifest(GRID), tmp_path / "r", 0, 1, 2, 3)) == REQUEUE
    assert len(read_records([tmp_path / "r"])[0]) == 2
    assert not list((tmp_path / "r").glob(".*"))
    assert "the rest goes back into the queue" in capsys.readouterr().err


def test_a_limit_that_is_too_short_for_one_experiment_ends_it(
    write_manifest: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupted(monkeypatch, interruption.WALL_TIME, after=0)
    path = write_manifest(GRID)
    assert ends(make(path, tmp_path / "r", 1, minutes=10)) == REQUEUE  # early: somebody else needed the node
    clock = iter([0.0, 500.0])
    monkeypatch.setattr(task_module.time, "monotonic", lambda: next(clock, 500.0))
    assert ends(make(path, tmp_path / "r", 1, minutes=10)) == 1
    assert "submit with more --time" in capsys.readouterr().err


def test_a_termination_ends_it_cleanly(write_manifest: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(monkeypatch, signal.SIGTERM, after=1)
    assert ends(make(write_manifest(GRID), tmp_path / "r", 1, 2)) == 143
    assert len(read_records([tmp_path / "r"])[0]) == 1


def test_what_is_wrong_is_one_sentence_and_exit_code_2(
    write_manifest: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = make(write_manifest(GRID), tmp_path / "r", 1)
    write_manifest("[{target: mlp, sparsity: 0.5}]")
    assert ends(task) == 2
    said = capsys.readouterr().err
    assert said.startswith("lottery: 1 of this task's experiments") and said.count("\n") == 1
