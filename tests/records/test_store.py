"""A record is whole or not there; an edit by hand shows; a folder that cannot be written is told at once."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest

from suite.errors import InputError
from suite.records import Damage, Experiment, Record, Store, read_records
from suite.records.experiment import TextReference, digest
from suite.records.schema import Environment, ModelSummary


def record(**fields: Any) -> Record:
    experiment = Experiment(
        model="m",
        revision="r",
        criterion="none",
        context=8,
        text=TextReference(name="t", revision="r", join=""),
        **fields,
    )
    environment = Environment(
        suite_version="0", commit=None, image_digest=None, hardware="h", device="cpu", driver=None, threads=1,
        memory_bytes=1, system="s", libraries={}, device_map="cpu", dtype="float32", dtype_reason="w", attention="sdpa",
        started="now", seconds=1.5,
    )  # fmt: skip
    model = ModelSummary(architecture="Mistral", parameters=2, block_weights=1, layers=1, tied=False)
    return Record(
        id=experiment.id, status="failed", error="why", experiment=experiment, model=model, environment=environment
    )


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    written = record()
    store.write(written)
    assert store.read(written.id) == written.sealed()
    assert [path.name for path in tmp_path.iterdir()] == [f"{written.id}.failed.json"]


def test_an_edit_by_hand_shows(tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = store.write(record())
    path.write_text(path.read_text().replace('"why"', '"no reason"'))
    assert store.read(record().id) is None
    assert read_records([tmp_path]) == ([], [Damage(path, "is damaged or was edited by hand")])


def test_a_record_under_anothers_id_is_not_believed(tmp_path: Path) -> None:
    data = json.loads(record().sealed().to_json())
    data["experiment"]["context"] = 16
    forged = Record.model_validate(data)
    store = Store(tmp_path)
    store.write(forged)
    assert store.read(forged.id) is None


@pytest.mark.parametrize("end", range(0, 1000, 37))
def test_a_truncated_record_is_never_a_result(tmp_path: Path, end: int) -> None:
    store = Store(tmp_path)
    path = store.write(record())
    path.write_bytes(path.read_bytes()[:end])
    assert store.read(record().id) is None


def test_an_id_changes_with_everything_that_was_asked() -> None:
    ids = {
        record().id,
        record(sparsity=0.5).id,
        record(seed=1).id,
        record(tied="both").id,
        record(measure=("memory",)).id,
    }
    assert len(ids) == 5


def test_ids_are_the_same_in_every_version() -> None:
    assert record().id == record().experiment.id
    assert len(record().id) == 64


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write results to .*file/study: Not a directory; name another folder"):
        Store(tmp_path / "file" / "study").prepare()


def test_records_of_several_folders_are_read_once_each(tmp_path: Path) -> None:
    one, other = Store(tmp_path / "one"), Store(tmp_path / "other")
    for store in (one, other):
        store.prepare()
        store.write(record())
    other.write(record(sparsity=0.5))
    found, damaged = read_records([tmp_path, tmp_path / "one"])
    assert len(found) == 2
    assert damaged == []
    with pytest.raises(InputError, match="there is no results folder"):
        read_records([tmp_path / "nowhere"])


def test_a_record_from_before_a_field_was_added_stays_whole(tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = store.write(record())
    older = json.loads(path.read_text())
    del older["training"], older["seal"]
    path.write_text(json.dumps(older | {"seal": digest(older)}))
    assert store.read(record().id) is not None
    path.write_text(json.dumps(older | {"error": "edited", "seal": digest(older)}))
    assert store.read(record().id) is None


def test_a_record_that_cannot_be_read_just_now_is_not_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    path = store.write(record())
    real = Path.read_bytes

    def stale(self: Path) -> bytes:
        if self == path:
            raise OSError(errno.ESTALE, "Stale file handle")
        return real(self)

    monkeypatch.setattr(Path, "read_bytes", stale)
    assert store.set_aside() == []
    assert [str(damage) for damage in read_records([tmp_path])[1]] == [f"{path} cannot be read (Stale file handle)"]
    monkeypatch.undo()
    assert store.read(record().id)
