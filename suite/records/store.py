"""The store: one file a record, written whole or not at all, and read back checked."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from suite.errors import InputError
from suite.records.plan import Plan
from suite.records.schema import Record, digest

PLAN = "plan.json"


class Store:
    """The records of one study, `<results>/<study>/<id>.json`, and beside them its plan."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self) -> None:
        """Make the folder and try to write in it, so that a run fails before its first hour and not after.

        Raises:
            InputError: the folder cannot be made or written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise InputError(
                f"cannot write results to {self.folder}: {error.strerror}; name another folder with --results DIR"
            ) from error

    @property
    def paths(self) -> list[Path]:
        """The files of its records, whole or not, in a stable order."""
        return sorted(path for path in self.folder.glob("*.json") if path.name != PLAN)

    def path(self, experiment_id: str) -> Path:
        return self.folder / f"{experiment_id}.json"

    def read(self, experiment_id: str) -> Record | None:
        """The record of this experiment, or None where there is none that can be believed."""
        path = self.path(experiment_id)
        return read_record(path) if path.exists() else None

    def write(self, record: Record) -> Path:
        """Seal the record and put it in place in one step: a reader sees the whole of it or nothing."""
        return self._put(self.path(record.id), record.sealed().to_json())

    def write_plan(self, plan: Plan) -> None:
        """Keep what the study sets out to do; a plan that did not change is left alone."""
        if self.read_plan() != plan:
            self._put(self.folder / PLAN, plan.to_json())

    def read_plan(self) -> Plan | None:
        """The plan, or None where there is none that can be read."""
        try:
            return Plan.model_validate_json((self.folder / PLAN).read_bytes())
        except (OSError, ValueError):
            return None

    def _put(self, path: Path, content: str) -> Path:
        """Write a file beside its place, sync it, and move it there in one step."""
        handle, temporary = tempfile.mkstemp(dir=self.folder, prefix=f".{path.stem[:12]}-", suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return path


def read_record(path: Path) -> Record | None:
    """A record from its file; None when the file is damaged or was edited.

    The seal is checked against what the file says, not against how this version would write it: a record from before a
    field was added stays whole.
    """
    try:
        content = path.read_bytes()
        record = Record.model_validate_json(content)
        said = {key: value for key, value in json.loads(content).items() if key != "seal"}
        whole = record.seal == digest(said) and record.id == record.experiment.id
    except (OSError, ValueError):
        return None
    return record if whole else None


def studies(folders: Iterable[Path]) -> list[Store]:
    """The folders that hold files of records: the given ones (a study's own) and those in them, in a stable order.

    Raises:
        InputError: a folder is not there.
    """
    found: dict[Path, Store] = {}
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"there is no results folder {folder}; `lottery run MANIFEST` makes one")
        for place in (folder, *sorted(path for path in folder.iterdir() if path.is_dir())):
            if any(place.glob("*.json")):
                found.setdefault(place.resolve(), Store(place))
    return list(found.values())


def read_records(folders: Iterable[Path]) -> tuple[list[Record], list[Path]]:
    """All records below the folders (a study's own, or one that holds studies), in a stable order, each id once.

    Returns:
        The records, ordered by folder and then by file name, and the files that could not be believed.

    Raises:
        InputError: a folder is not there.
    """
    records: dict[str, Record] = {}
    damaged: list[Path] = []
    for store in studies(folders):
        for path in store.paths:
            record = read_record(path)
            if record is None:
                damaged.append(path)
            else:
                records.setdefault(record.id, record)
    return list(records.values()), damaged


def read_plans(folders: Iterable[Path]) -> list[Plan]:
    """The plans of the studies below the folders, in a stable order, each study once."""
    found: dict[str, Plan] = {}
    for store in studies(folders):
        if plan := store.read_plan():
            found.setdefault(plan.name, plan)
    return list(found.values())
