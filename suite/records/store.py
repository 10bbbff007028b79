"""The store: one file a record, written whole or not at all, and read back checked.

Writing needs no lock: whatever several processes, nodes or sudden ends do, the file system's own steps (a link, a
rename) happen or do not happen. They are the same on a laptop's disk and on a cluster's shared one. Only who sets a
damaged file aside takes one, for a moment.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import secrets
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from pydantic_core import from_json

from suite.errors import InputError
from suite.gc_paused import gc_paused
from suite.records.experiment import digest
from suite.records.plan import Plan
from suite.records.schema import READABLE, SCHEMA, Record

PLAN = "plan.json"
FAILED = ".failed.json"
LEFT_BEHIND = 3600  # seconds after which a temporary file is nobody's any more


class Damage(NamedTuple):
    """A file under a record's name that is not read as a result, and why, as the end of a sentence about it."""

    path: Path
    why: str
    read: bool = True  # False: its disk, or its permissions, kept it from being read just now

    def __str__(self) -> str:
        return f"{self.path} {self.why}"


class Store:
    """The records of one study, and beside them its plan.

    A done experiment's record is `<results>/<study>/<id>.json`; once there it is never replaced. A failed one's is
    `<id>.failed.json`, until another attempt. Damaged files are kept, as `<id>.json.damaged`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self) -> None:
        """Make the folder and try to write in it, so that a run fails before its first hour and not after; what
        processes that were killed left half-written is swept away.

        Raises:
            InputError: the folder cannot be made or written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.folder, prefix=".", suffix=".tmp") as probe:
                now = Path(probe.name).stat().st_mtime  # the file system's clock, not this machine's
                for path in self.folder.rglob(".*.tmp"):
                    with contextlib.suppress(FileNotFoundError):
                        if now - path.stat().st_mtime > LEFT_BEHIND:
                            path.unlink()
        except OSError as error:
            raise InputError(
                f"cannot write results to {self.folder}: {error.strerror}; name another folder with --results DIR"
            ) from error

    @property
    def paths(self) -> list[Path]:
        """The files of its records, whole or not, in a stable order; a done experiment's attempts do not count."""
        names = {path.name for path in self.folder.glob("*.json")} - {PLAN}
        names -= {name.removesuffix(".json") + FAILED for name in names}
        return [self.folder / name for name in sorted(names)]

    def path(self, experiment_id: str) -> Path:
        return self.folder / f"{experiment_id}.json"

    def read(self, experiment_id: str) -> Record | None:
        """The record of this experiment, or None where there is none that can be believed."""
        done = self.path(experiment_id)
        for path in (done, self._failed(experiment_id)):
            if path.exists() and not isinstance(record := read_record(path), Damage):
                return record
        return None

    def write(self, record: Record) -> Path:
        """Seal the record and put it in place in one step: a reader sees the whole of it or nothing.

        Returns:
            The file of the experiment's record: of this one, or of the one that was done before, which stays.
        """
        content, path, failed = record.sealed().to_json(), self.path(record.id), self._failed(record.id)
        if record.status == "failed":
            if _is_done(path):
                return path
            self._put(failed, content)
            return failed
        with self._written(path, content) as temporary:
            while not _named(temporary, path):
                if _is_done(path):
                    return path
                _set_aside(path)
        failed.unlink(missing_ok=True)
        return path

    def set_aside(self) -> list[Damage]:
        """Move the files that are not read as results out of the way of new records; nothing is deleted.

        Returns:
            What was moved, by its former name.
        """
        found = [damage for path in self.paths if isinstance(damage := read_record(path), Damage)]
        return [damage for damage in found if damage.read and _set_aside(damage.path)]

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

    def _failed(self, experiment_id: str) -> Path:
        return self.folder / f"{experiment_id}{FAILED}"

    def _put(self, path: Path, content: str) -> None:
        """Write a file whole, in place of what was there."""
        with self._written(path, content) as temporary:
            os.replace(temporary, path)

    @contextlib.contextmanager
    def _written(self, path: Path, content: str) -> Iterator[Path]:
        """The content in a file beside its place, on the disk and not only on its way there; gone afterwards."""
        # Named here and not by tempfile: a signal in the midst of making it would leave one that nobody knows of.
        temporary = self.folder / f".{path.stem[:12]}-{secrets.token_hex(4)}.tmp"
        try:
            with temporary.open("x", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)
            _sync(self.folder)


def _named(temporary: Path, path: Path) -> bool:
    """Give a file its name unless something has that name; says whether it got it."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        if path.exists():  # a file system without links, such as a memory stick's
            return False
        os.replace(temporary, path)
    return True


def _set_aside(path: Path) -> bool:
    """Rename a file that is no result to `<name>.damaged`, or `.damaged-2` and so on; says whether that was done.

    One process at a time: another that saw the damage too would rename the record that was put in its place meanwhile.
    """
    with _alone(path.parent):
        if not path.exists() or _is_done(path):
            return False  # another process was faster
        names = (f"{path.name}.damaged" + (f"-{number}" if number > 1 else "") for number in itertools.count(1))
        path.rename(next(spare for spare in map(path.with_name, names) if not spare.exists()))
        return True


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process is in here with this folder; the lock of one that is killed is gone with it.

    On a file system that knows no such lock, or knows it on each machine by itself, two are here together if they come
    within a millisecond of each other.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _is_done(path: Path) -> bool:
    """Raises: OSError: there is a file, and it cannot be read."""
    record = read_record(path)
    if isinstance(record, Damage) and not record.read:
        raise OSError(errno.EIO, f"{record}")
    return isinstance(record, Record) and record.status == "done"


def _sync(folder: Path) -> None:
    """Put a folder's names on the disk; not every file system knows how."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def read_record(path: Path) -> Record | Damage:
    """A record from its file, or why it is not read as one.

    The seal is checked against what the file says, not against how this version would write it: a record from before a
    field was added stays whole.
    """
    try:
        content = path.read_bytes()
        said = from_json(content)
        version = said["schema"]
        if isinstance(version, str) and version not in READABLE:
            return Damage(path, f"was written by another version of the suite ({version[:40]!r} and not {SCHEMA!r})")
        record = Record.model_validate_json(content)
        seal = said.pop("seal")
        if seal == digest(said) and record.id == record.experiment.id == path.name.partition(".")[0]:
            return record
    except (FileNotFoundError, IsADirectoryError, ValueError, LookupError, TypeError, RecursionError):
        pass
    except OSError as error:
        return Damage(path, f"cannot be read ({error.strerror})", read=False)
    return Damage(path, "is damaged or was edited by hand")


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


def read_records(folders: Iterable[Path]) -> tuple[list[Record], list[Damage]]:
    """All records below the folders (a study's own, or one that holds studies), in a stable order, each id once.

    Returns:
        The records, ordered by folder and then by file name, and what is not read as one.

    Raises:
        InputError: a folder is not there.
    """
    records: dict[str, Record] = {}
    damaged: list[Damage] = []
    with gc_paused():
        for path in [path for store in studies(folders) for path in store.paths]:
            record = read_record(path)
            if isinstance(record, Damage):
                damaged += [record] if path.exists() else []  # an attempt that was followed by a success meanwhile
            elif record.id not in records or (record.status == "done" != records[record.id].status):
                records[record.id] = record
    return list(records.values()), damaged


def read_plans(folders: Iterable[Path]) -> list[Plan]:
    """The plans of the studies below the folders, in a stable order, each study once."""
    found: dict[str, Plan] = {}
    for store in studies(folders):
        if plan := store.read_plan():
            found.setdefault(plan.name, plan)
    return list(found.values())
