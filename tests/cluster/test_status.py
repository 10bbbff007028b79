"""Every cell has one state, and it is the right one: from its record, from who is at it, and from its job."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Collection
from dataclasses import asdict
from pathlib import Path

import pytest

from suite.cluster import status as status_module
from suite.cluster.jobs import Job
from suite.cluster.status import CellStatus, StudyStatus, study_status
from suite.cluster.submission import Submission, TaskEntry, keep
from suite.manifest import Study, read_study
from suite.records import Record, Store
from suite.records.leases import Lease, Leases
from tests.invented import record

GRID = "[{target: [attention, mlp, blocks], sparsity: 0.5}, {target: early, cliff: 2}]"
Look = Callable[..., StudyStatus]


@pytest.fixture
def study(write_manifest: Callable[..., Path]) -> Study:
    return read_study(write_manifest(GRID))


@pytest.fixture
def look(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """A function that gives the status of the study when one task, which has all of it, is in this state."""
    folder = tmp_path / "results"
    store = Store(folder)
    store.prepare()
    assert study.plan
    store.write_plan(study.plan)

    def look(job: Job | None = None, log: str = "") -> StudyStatus:
        if job:
            place = folder / "jobs" / "7"
            place.mkdir(parents=True, exist_ok=True)
            cells = {cell.id: 10.0 for cell in study.experiments}
            searches = {search.template.id: 50.0 for search in study.searches}
            entry = TaskEntry(job="7", models=("tiny",), cells=cells, searches=searches)
            submitted = "2026-01-01T00:00:00+00:00"
            keep(Submission(kind="slurm", host="h", submitted=submitted, manifest="m", tasks=(entry,)), place)
            (place / "7_0_log.err").write_text(log)
            monkeypatch.setattr(status_module, "look", lambda _: {(place, "7"): job})
        return study_status(folder)

    return look


def of(study: Study, index: int, **changes: object) -> Record:
    cell = study.experiments[index]
    return record(**({"error": changes["error"]} if changes.get("error") else {})).model_copy(
        update={"experiment": cell, "id": cell.id, **changes}
    )


def states(status: StudyStatus) -> list[str]:
    return [cell.state for cell in status.cells]


def test_before_anything_is_submitted_all_is_open(look: Look) -> None:
    assert states(look()) == ["open"] * 5


def test_a_record_is_done_whatever_its_job_says(look: Look, study: Study, tmp_path: Path) -> None:
    Store(tmp_path / "results").write(of(study, 1))
    assert states(look(Job("FAILED", 1))) == ["failed", "done", "failed", "failed", "failed"]


def test_what_waits_is_queued_and_what_somebody_is_at_is_running(look: Look, study: Study, tmp_path: Path) -> None:
    assert set(states(look(Job("PENDING")))) == {"queued"}
    own = Lease(socket.gethostname(), os.getpid(), "7")
    (tmp_path / "results" / f".{study.experiments[0].id}.running").write_text(json.dumps(asdict(own)))
    status = look(Job("RUNNING"))
    assert states(status) == ["running"] + ["queued"] * 4
    assert status.cells[0].job == "7" and status.tasks[0].at == "tiny dense"
    assert status.under_way


def test_a_record_that_is_written_while_slurm_is_asked_is_not_lost(
    look: Look, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(Job("RUNNING"))

    def ended(found: Collection[tuple[Path, Submission]]) -> dict[tuple[Path, str], Job]:
        Store(tmp_path / "results").write(of(study, 1))
        return {(found[0][0], "7"): Job("COMPLETED")}

    monkeypatch.setattr(status_module, "look", ended)
    assert states(study_status(tmp_path / "results"))[:2] == ["lost", "done"]


def test_a_cell_of_the_plan_that_a_search_covers_too_runs_once(
    write_manifest: Callable[..., Path], tmp_path: Path
) -> None:
    study = read_study(write_manifest("[{target: early, sparsity: 0.5}, {target: early, cliff: 2}]"))
    store = Store(tmp_path / "results")
    store.prepare()
    assert study.plan
    store.write_plan(study.plan)
    with Leases(store.folder).hold(study.experiments[1].id):
        assert states(study_status(store.folder)) == ["open", "running", "open"]
    with Leases(store.folder).hold(study.searches[0].at(0.31).id):
        assert states(study_status(store.folder)) == ["open", "open", "running"]


@pytest.mark.parametrize(
    ("job", "log", "state", "why"),
    [
        (Job("FAILED", 1), "ValueError: what\n", "failed", "ValueError: what"),
        (Job("FAILED", 2), "lottery: cannot read x\n", "failed", "cannot read x"),
        (Job("FAILED", 1), "", "failed", "its job ended in state FAILED, exit code 1"),
        (Job("FAILED", 137), "", "lost", "its job was ended by signal 9"),
        (Job("FAILED", 9), "", "lost", "its job was ended by signal 9"),
        (Job("FAILED", 0, 9), "", "lost", "its job was ended by signal 9"),
        (Job("OUT_OF_MEMORY", 0, 125), "", "failed", "its job ran out of the host's memory: submit with more --memory"),
        (Job("TIMEOUT"), "", "lost", "its job ran out of time and was not put back into the queue"),
        (Job("CANCELLED"), "", "lost", "its job was cancelled"),
        (Job("NODE_FAIL"), "", "lost", "its node failed"),
        (Job("COMPLETED"), "", "lost", "its job ended without it"),
        (Job("GONE"), "", "lost", "its job was cancelled before it began, or SLURM has forgotten it"),
    ],
)
def test_how_a_job_ended_says_what_became_of_the_rest(look: Look, job: Job, log: str, state: str, why: str) -> None:
    status = look(job, log)
    assert {(cell.state, cell.why) for cell in status.cells} == {(state, why)}
    assert status.cells[0].log and status.cells[0].log.name == "7_0_log.err"
    assert status.seconds_left is None


def test_a_failed_record_says_why_and_will_be_tried_again(look: Look, study: Study, tmp_path: Path) -> None:
    Store(tmp_path / "results").write(of(study, 2, status="failed", error="out of memory"))
    told = CellStatus(study.experiments[2].id, "tiny mlp 50 %", "failed", "out of memory")
    assert look().cells[2] == told
    assert look(Job("RUNNING")).cells[2].state == "failed"
    assert look(Job("PENDING")).cells[2].state == "queued"


def test_the_time_left_goes_by_how_well_it_was_foreseen(look: Look, study: Study, tmp_path: Path) -> None:
    assert look(Job("RUNNING")).seconds_left == 90.0
    slow = of(study, 1)
    slow = slow.model_copy(update={"environment": slow.environment.model_copy(update={"seconds": 20.0})})
    Store(tmp_path / "results").write(slow)
    assert look(Job("RUNNING")).seconds_left == 160.0  # what is done took twice as long as was foreseen


def test_a_submission_that_is_no_such_thing_is_left_out(look: Look, tmp_path: Path) -> None:
    place = tmp_path / "results" / "jobs" / "9"
    place.mkdir(parents=True)
    (place / "submission.json").write_text('{"tasks": [{"job": "7; rm -rf ~"}]}')
    assert states(look()) == ["open"] * 5
