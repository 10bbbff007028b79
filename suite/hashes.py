"""SHA-256 of files, remembered in the cache: what only looks at a model need not read gigabytes of it again.

A file is taken for the same by its path, size, inode and both of its times in nanoseconds. The time of its last change
is among them since a copy, or `touch`, can set the other one back. On a file system whose inodes change, a file is
hashed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from suite.errors import InputError
from suite.paths import model_cache, write_whole

LARGE = 2**24  # bytes; below them a file is hashed faster than its hash is looked up
SETTLED = 2_000_000_000  # ns since its last change from which a file system's clock tells a further one
MOST = 500  # files that are remembered, the latest

_trusted = False
_hashed: dict[str, Known] = {}  # by this process


class Stamp(NamedTuple):
    """What a file is known again by: bytes, inode, and nanoseconds since 1970 of its content and its inode."""

    size: int
    inode: int
    modified: int
    changed: int


class Known(NamedTuple):
    """A file's SHA-256, and its stamp before it was hashed."""

    stamp: Stamp
    sha256: str


@contextlib.contextmanager
def trusted() -> Iterator[None]:
    """In this block the SHA-256 of an earlier process counts, where the file's stamp is still the same."""
    global _trusted
    before, _trusted = _trusted, True
    try:
        yield
    finally:
        _trusted = before


def sha256_of(path: Path, expected: str | None = None) -> str:
    """A file's SHA-256, 64 hexadecimal digits; a large file is read once a process, and in `trusted` not even that.

    Args:
        expected: what it should be, where the caller knows that and deals with another.

    Raises:
        OSError: it cannot be read.
        InputError: nothing is expected, and it is not what it was at an earlier time, though its stamp is the same.
            That is told once: the memory is renewed.
    """
    real = os.path.realpath(path)
    stamp = _stamp(real)
    if stamp.size < LARGE:
        return _digest(path)
    earlier = _read().get(real)
    for known in (_hashed.get(real), earlier if _trusted else None):
        if known and known.stamp == stamp:
            return known.sha256
    settled = _settled(stamp)
    known = Known(stamp, _digest(path))
    if not settled or _stamp(real) != stamp:
        return known.sha256  # a change in the same tick of the file system's clock would not show in the stamp
    _hashed[real] = known
    if known != earlier:
        _remember(real, known)
    if earlier and earlier.stamp == stamp and earlier.sha256 != known.sha256 and expected is None:
        raise InputError(
            f"{path} has changed while its size and times stayed the same: its SHA-256 was {earlier.sha256[:12]}, and "
            f"is {known.sha256[:12]}; the disk may be failing. If the file is right, run the same command again"
        )
    return known.sha256


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stamp(path: str) -> Stamp:
    found = Path(path).stat()
    return Stamp(found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns)


def _settled(stamp: Stamp) -> bool:
    """Whether the file was left alone for a while before now; not so if its time is yet to come."""
    return time.time_ns() - max(stamp.modified, stamp.changed) > SETTLED


def _memory() -> Path:
    return model_cache() / "hashes.json"


def _read() -> dict[str, Known]:
    """What is remembered, by real path, the oldest first; nothing where it cannot be read."""
    try:
        found = json.loads(_memory().read_bytes())
        return {path: Known(Stamp(*stamp), sha256) for path, (stamp, sha256) in found.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _remember(path: str, known: Known) -> None:
    """Put a file's hash last. Of processes that write at once the last one counts: what is lost is hashed again."""
    remembered = _read()
    remembered.pop(path, None)
    kept = dict([*remembered.items(), (path, known)][-MOST:])
    with contextlib.suppress(OSError):  # a cache that cannot be written remembers nothing
        write_whole(_memory(), json.dumps(kept, indent=1))
