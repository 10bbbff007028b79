"""Whatever becomes of a file, it is never read as another result than was measured, and nothing is deleted."""

from __future__ import annotations

import json
import os
import random
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from suite.cli import cli
from suite.records import Record, Store, read_records
from tests.invented import record

DONE = record(target="attention", sparsity=0.5)
AWAY = 4_194_304  # a process that cannot be: one more than Linux numbers


def lottery(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(one) for one in arguments], catch_exceptions=False)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def results(folder: Path) -> dict[str, float]:
    records, damaged = read_records([folder])
    assert damaged == []
    return {one.id: one.perplexity.value for one in records if one.perplexity and one.status == "done"}


def remade(one: Record, seconds: float) -> Record:
    """The same experiment, measured another time."""
    return one.model_copy(update={"environment": one.environment.model_copy(update={"seconds": seconds})}).sealed()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "study")
    store.prepare()
    return store


def test_a_record_cut_off_anywhere_is_no_result(store: Store) -> None:
    path = store.path(DONE.id)
    content = DONE.to_json().encode()
    path.write_bytes(content)
    assert store.read(DONE.id) == DONE
    last = len(content.rstrip())  # what follows is a line's end
    with path.open("r+b") as file:
        for end in reversed(range(last)):
            file.truncate(end)
            assert store.read(DONE.id) is None, f"cut off after {end} bytes of {len(content)}"


def test_a_flipped_bit_never_makes_another_result(store: Store) -> None:
    path, chance = store.path(DONE.id), random.Random(0)
    content = DONE.to_json().encode()
    for position in chance.sample(range(len(content)), 500):
        damaged = bytearray(content)
        damaged[position] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        assert store.read(DONE.id) in (None, DONE), f"byte {position}"  # 1e-05 and 1E-05 are one number


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def zeros(path: Path) -> None:  # what some file systems hold after a power cut
    path.write_bytes(bytes(path.stat().st_size))


def other_json(path: Path) -> None:
    path.write_text("[null]\n")


def another(path: Path) -> None:
    path.write_text(record(target="mlp", sparsity=0.9).to_json())


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "kept").write_text("in a folder")


DAMAGES = [cut, empty, zeros, other_json, another, folder]
Damaging = Callable[[Path], None]


@pytest.mark.parametrize("damage", DAMAGES)
def test_reports_leave_damage_out_with_a_word_and_do_not_touch_it(store: Store, damage: Damaging) -> None:
    lost = damaged_study(store, damage)
    before = contents(store.folder)
    records = lottery("records", store.folder, "--json")
    assert len(json.loads(records.stdout)["records"]) == 2
    assert records.stderr == f"lottery: {lost} is damaged or was edited by hand, and is left out\n"
    assert f"{lost} is damaged or was edited by hand" in lottery("compare", store.folder, store.folder).stderr
    assert contents(store.folder) == before


def test_what_is_printed_says_that_damage_was_left_out(store: Store, tmp_path: Path) -> None:
    damaged_study(store, cut)
    before = contents(store.folder)
    assert lottery("page", store.folder, "--out", tmp_path / "out").exit_code == 0
    assert "1 result file could not be believed" in (tmp_path / "out" / "results.html").read_text()
    assert contents(store.folder) == before


def damaged_study(store: Store, damage: Damaging) -> Path:
    """Three records, and damage to one of them; its file."""
    for one in (record(), record(target="attention", sparsity=0.3), DONE):
        path = store.write(one)
    damage(path)
    return path


def test_a_run_sets_damage_aside_and_measures_again(write_manifest: Callable[..., Path], tmp_path: Path) -> None:
    study = write_manifest("[{target: attention, sparsity: [0.1, 0.3, 0.5, 0.7, 0.9]}]", measure="perplexity")
    lone = tmp_path / "lone"
    assert lottery("run", study, "--results", lone).exit_code == 0
    expected = results(lone)
    assert len(expected) == len(DAMAGES)
    here = tmp_path / "here"
    shutil.copytree(lone, here)
    folder = here / "study"
    for number in ("", "-2", "-3"):  # again and again, and each time all of it is kept
        for damage, name in zip(DAMAGES, sorted(expected), strict=True):
            damage(folder / f"{name}.json")
        before = contents(folder)
        done = lottery("run", study, "--results", here)
        assert done.exit_code == 0 and results(here) == expected
        after = contents(folder)
        for name in expected:
            assert f"{name}.json is damaged or was edited by hand" in done.stdout
            for old in (f"{name}.json", f"{name}.json/kept"):
                new = old.replace(".json", f".json.damaged{number}")
                assert after.get(new) == before.get(old)
        assert all(after[name] == before[name] for name in before if "damaged" in name)
    assert "damaged" not in lottery("run", study, "--results", here).stdout  # it is spoken of once


def test_a_record_that_may_not_be_read_is_no_result_and_stays(store: Store) -> None:
    path = store.write(DONE)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("root may read every file")
    assert store.read(DONE.id) is None
    store.write(remade(DONE, 2.0))
    assert store.read(DONE.id) == remade(DONE, 2.0)
    (kept,) = store.folder.glob("*.damaged")
    kept.chmod(0o600)
    assert kept.read_text() == DONE.to_json()


def test_what_dead_processes_left_does_no_harm(write_manifest: Callable[..., Path], tmp_path: Path) -> None:
    study = write_manifest("[{target: attention, sparsity: [0.3, 0.5]}]", measure="perplexity")
    lone, here = tmp_path / "lone", tmp_path / "here"
    assert lottery("run", study, "--results", lone).exit_code == 0
    expected = results(lone)
    folder = here / "study"
    folder.mkdir(parents=True)
    claims = [json.dumps({"host": os.uname().nodename, "pid": AWAY, "job": None}), "", "not JSON"]
    for name, claim in zip(expected, claims, strict=True):
        (folder / f".{name}.running").write_text(claim)
        (folder / f".{name[:12]}-abcdefgh.tmp").write_text((lone / "study" / f"{name}.json").read_text()[:-1])
        old = folder / f".{name[:12]}-ijklmnop.tmp"
        old.write_text("")
        os.utime(old, (0, time.time() - 10 * 86400))
    assert lottery("records", folder).stdout == "no records\n"
    done = lottery("run", study, "--results", here)
    assert done.exit_code == 0 and "3 done, 0 there already, 0 failed" in done.stdout
    assert results(here) == expected


def test_a_write_that_fails_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        store.write(DONE)
    assert list(store.folder.iterdir()) == []


def test_the_first_of_two_records_of_one_experiment_stays(store: Store) -> None:
    path = store.write(DONE)
    first = path.read_bytes()
    assert store.write(remade(DONE, 2.0)) == path
    failed = record(error="out of memory", target="attention", sparsity=0.5)
    assert failed.id == DONE.id
    store.write(failed)
    assert path.read_bytes() == first and store.read(DONE.id) == DONE
    assert [one.name for one in store.folder.iterdir()] == [path.name]


def test_a_done_record_takes_the_place_of_a_failed_one(store: Store) -> None:
    store.write(record(error="out of memory", target="attention", sparsity=0.5))
    store.write(DONE)
    assert store.read(DONE.id) == DONE
    assert [one.name for one in store.folder.iterdir()] == [f"{DONE.id}.json"]


@pytest.mark.parametrize("damaged", [None, b"{"])
def test_of_many_writers_at_once_one_is_first_and_stays(tmp_path: Path, damaged: bytes | None) -> None:
    writers = 8
    for attempt in range(40):
        store = Store(tmp_path / str(attempt))
        store.prepare()
        path, together = store.path(DONE.id), threading.Barrier(writers)
        if damaged:
            path.write_bytes(damaged)

        def write(number: int, store: Store = store, together: threading.Barrier = together) -> bytes:
            mine = remade(DONE, float(number))
            together.wait()
            return store.write(mine).read_bytes()

        with ThreadPoolExecutor(writers) as pool:
            seen = set(pool.map(write, range(writers)))
        assert seen == {path.read_bytes()} and store.read(DONE.id) is not None
        kept = [one.read_bytes() for one in store.folder.iterdir() if one != path]
        assert kept == ([damaged] if damaged else [])
