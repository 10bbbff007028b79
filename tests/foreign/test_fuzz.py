"""Whatever a file says, it is accepted, or refused in one sentence, in time, and nothing else happens.

Some hundreds here; `ci/fuzz` goes on to tens of thousands.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from suite.records import read_records
from tests.foreign import guard, records
from tests.foreign.fuzz import fuzz_manifests, fuzz_records
from tests.foreign.guard import Forbidden, Hang, guarded


def test_hundreds_of_mutated_manifests(tmp_path: Path) -> None:
    tally = fuzz_manifests(300, seed=1, folder=tmp_path)
    assert not tally.faults, tally.kept
    assert tally.accepted > 10 and tally.refused > 150


def test_hundreds_of_mutated_records(tmp_path: Path) -> None:
    tally = fuzz_records(250, seed=1, folder=tmp_path)
    assert not tally.faults, tally.kept
    assert tally.accepted > 50 and tally.refused > 100


def test_a_record_that_is_sealed_anew_is_believed(tmp_path: Path) -> None:
    """Else the fuzzing of records would show nothing."""
    content = next(path for path in records.REFERENCES[0].glob("*.json") if path.name != "plan.json").read_text()
    document = records.sealed(json.loads(content.replace('"story-', '"other-')))
    (tmp_path / f"{document['id']}.json").write_text(json.dumps(document))
    (believed,), damaged = read_records([tmp_path])
    assert believed.experiment.model.startswith("other-") and not damaged


def crash(path: Path, _: Path) -> bool:
    if b"%" in path.read_bytes():
        raise KeyError("a bug")
    return True


def escape(path: Path, _: Path) -> bool:
    try:
        (path.parent / "outside").write_text("here")
    except BaseException:  # even where it is hushed up
        return False
    return True


@pytest.mark.parametrize(("bug", "said"), [(crash, "KeyError in test_fuzz.py"), (escape, "Forbidden in guard.py")])
def test_a_bug_is_noticed_and_the_file_that_shows_it_kept(tmp_path: Path, bug: object, said: str) -> None:
    warm = True

    def handle(path: Path, results: Path) -> bool:
        nonlocal warm
        warm, first = False, warm
        return first or bug(path, results)  # type: ignore[operator]

    tally = fuzz_manifests(30, seed=1, folder=tmp_path, handle=handle)
    assert any(fault.startswith(said) for fault in tally.faults)
    assert all(kept.is_file() and (kept.parent / "traceback.txt").is_file() for kept in tally.kept)


@pytest.mark.parametrize(
    "act",
    [
        lambda outside: (outside / "x").write_text("x"),
        lambda outside: (outside / "x").mkdir(),
        lambda outside: (outside / "there").unlink(),
        lambda outside: (outside / "there").rename(outside / "x"),
        lambda outside: (outside / "x").symlink_to("/etc/passwd"),
        lambda outside: os.link(outside / "there", outside / "x"),
        lambda outside: os.system("true"),
        lambda outside: Path("/etc/passwd").read_text(),
        lambda outside: list(Path("/dev").iterdir()),
        lambda outside: os.truncate(outside / "there", 0),
    ],
)
def test_what_changes_another_folder_or_runs_something_is_forbidden(tmp_path: Path, act: object) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "there").write_text("kept")
    with pytest.raises(Forbidden), guarded(tmp_path / "results"):
        act(tmp_path)  # type: ignore[operator]
    assert (tmp_path / "there").read_text() == "kept"


def test_the_results_folder_may_change(tmp_path: Path) -> None:
    with guarded(tmp_path):
        (tmp_path / "study").mkdir()
        (tmp_path / "study" / "plan.json").write_text("{}")


def test_what_takes_too_long_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "SECONDS", 0.1)
    with pytest.raises(Hang), guarded(tmp_path):
        while True:
            pass
    monkeypatch.setattr(guard, "PATIENCE", 0.1)
    with pytest.raises(Hang), guarded(tmp_path):
        time.sleep(5)
