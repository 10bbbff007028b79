"""An archive of results from anybody unpacks into its own folder, and its README's commands run nothing else."""

from __future__ import annotations

import csv
import io
import json
import shlex
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from suite.errors import InputError
from suite.records import Plan, Store, read_plans, read_records
from suite.report.bundle import build_bundle
from tests.invented import record

NAMES = ("..", "../../x", "/etc/x", "a/b", "a\\b", "", ".hidden", "a\nb", "a\x00b", "\u202ea")


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_whose_name_is_a_path_is_none(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path / "study")
    store.prepare()
    store.write(record())
    plan = Plan(name="study", title="t", manifest="m", experiments=(record().experiment,))
    (store.folder / "plan.json").write_text(json.dumps({**json.loads(plan.to_json()), "name": name}))
    assert read_plans([tmp_path]) == []
    assert all("study" in entry or "/" not in entry for entry in entries(tmp_path))


def entries(*folders: Path) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(build_bundle({}, folders))).namelist()


@pytest.mark.parametrize("name", ["study", "a\nb", "..x", "x\\..\\..\\y", "$(id)", "-x", "\u00e9tude 2"])
def test_entries_stay_inside_whatever_a_folder_is_called(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / name)
    store.prepare()
    store.write(record())
    store.write(record(target="all", sparsity=0.5, error="it failed"))
    monkeypatch.chdir(store.folder)
    for folder in (tmp_path, store.folder, Path(), Path("..")):
        found = [PurePosixPath(entry) for entry in entries(folder) if entry.startswith("records/")]
        assert len(found) == 2
        for entry in found:
            assert len(entry.parts) == 3 and ".." not in entry.parts
            assert entry.as_posix().isprintable() and "\\" not in entry.as_posix()


def test_a_failed_record_goes_into_the_archive_as_it_is(tmp_path: Path) -> None:
    store = Store(tmp_path / "study")
    store.prepare()
    store.write(record())
    store.write(record(target="all", sparsity=0.5, error="it failed"))
    zipfile.ZipFile(io.BytesIO(build_bundle({}, [tmp_path]))).extractall(tmp_path / "there")
    kept, damaged = read_records([tmp_path / "there" / "records"])
    assert sorted(one.status for one in kept) == ["done", "failed"] and damaged == []
    rows = csv.DictReader((tmp_path / "there" / "records.csv").open(encoding="utf-8", newline=""))
    assert {(row["id"], row["error"]) for row in rows} == {(one.id, one.error or "") for one in kept}


def test_the_readmes_commands_are_words_of_a_shell(tmp_path: Path) -> None:
    store = Store(tmp_path / "study")
    store.prepare()
    store.write(record())
    store.write_plan(Plan(name="a; touch $(x) {0}", title="{t}", manifest="m", experiments=(record().experiment,)))
    archive = zipfile.ZipFile(io.BytesIO(build_bundle({}, [tmp_path])))
    (line,) = [line for line in archive.read("README.txt").decode().splitlines() if "lottery run" in line]
    assert len(shlex.split(line)) == 3 and "$" not in line and ";" not in line


def test_a_results_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no results folder"):
        build_bundle({}, [tmp_path / "nowhere"])
