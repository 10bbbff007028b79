"""A text of the catalogue as a file in a folder of $LOTTERY_DATA: told by its SHA-256, whatever the file is called."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from itertools import islice
from os import DirEntry, scandir
from pathlib import Path

from suite.data.catalogue import KnownText
from suite.errors import InputError
from suite.paths import DATA, data_folders

ROWS = (".json", ".jsonl")
PLAIN = (".txt", ".raw", ".text")
DEEPEST = 4  # folders below a listed one
MOST_ENTRIES = 5000  # looked at below a listed folder, the nearest first
MOST_OVERHEAD = 8  # times the text's bytes that a file of rows may have


def held(text: KnownText, join: str) -> Path | None:
    """The file that holds a text, looked for once a process; None where there is none, or its SHA-256 is not known.

    Args:
        join: what the rows are to be joined by; a plain text has no rows to join in another way.

    Raises:
        InputError: there are two.
    """
    if text.path is not None:
        return text.path
    return _held(text, join == text.join, tuple(data_folders())) if text.sha256 and not text.grammar else None


def rows_held(path: Path, text: KnownText) -> list[str] | None:
    """A file's rows, if joined as is usual for the text they have its SHA-256."""
    try:
        rows = _rows(path)
        content = text.join.join(rows).encode()
    except (OSError, ValueError, RecursionError):
        return None
    return rows if hashlib.sha256(content).hexdigest() == text.sha256 else None


def put_there(text: KnownText) -> str:
    """What to do where no file holds a text."""
    assert text.sha256 is not None
    joined = "a blank line" if text.join == "\n\n" else repr(text.join)
    return (
        f"put a file of it (JSON rows or plain text; {text.bytes:,} bytes joined by {joined}, SHA-256 "
        f"{text.sha256[:12]}) into a folder of {DATA}, or give its folder by --data DIR"
    )


@cache
def _held(text: KnownText, plain: bool, folders: tuple[Path, ...]) -> Path | None:
    found: dict[tuple[int, int], Path] = {}
    for path, size, inode in _files(folders):
        if _plausible(text, path, size, plain) and inode not in found and rows_held(path, text) is not None:
            found[inode] = path
            if len(found) == 2:
                one, other = found.values()
                raise InputError(
                    f"text {text.name!r} is held by two files, {one} and {other}: keep one, or name one by `path`"
                )
    return next(iter(found.values()), None)


def _rows(path: Path) -> list[str]:
    """The rows of a JSON list of strings, or of JSON lines (strings, or objects with a `text`); of any other file its
    content alone.

    Raises:
        OSError, ValueError, RecursionError: it cannot be read, or holds something else.
    """
    content = path.read_bytes().decode()
    if path.suffix == ".json":
        rows = json.loads(content)
    elif path.suffix == ".jsonl":
        lines = [json.loads(line) for line in content.split("\n") if line]
        rows = [line.get("text") if isinstance(line, dict) else line for line in lines]
    else:
        rows = [content]
    if not isinstance(rows, list) or not all(isinstance(row, str) for row in rows):
        raise ValueError("rows of text are expected")
    return rows


def _plausible(text: KnownText, path: Path, size: int, plain: bool) -> bool:
    """Whether a file of this size can hold the text: quotes and commas take more room than a blank line."""
    assert text.bytes is not None
    if path.suffix in ROWS:
        return text.bytes <= size <= MOST_OVERHEAD * text.bytes
    return plain and path.suffix in PLAIN and size == text.bytes


def _files(folders: tuple[Path, ...]) -> Iterator[tuple[Path, int, tuple[int, int]]]:
    """Regular files below the folders: path, bytes, device and inode. Links to folders are not followed, and what is
    hidden is left out."""
    for folder in folders:
        level, left = [folder], MOST_ENTRIES
        for _ in range(DEEPEST + 1):
            below: list[Path] = []
            for one in level:
                entries = _entries(one, left)
                left -= len(entries)
                for entry in entries:
                    path = Path(entry.path)
                    try:
                        if entry.is_dir(follow_symlinks=False):
                            below.append(path)
                        elif path.suffix in ROWS + PLAIN and entry.is_file():
                            about = entry.stat()
                            yield path, about.st_size, (about.st_dev, about.st_ino)
                    except OSError:  # a link in a circle
                        continue
            level = below


def _entries(folder: Path, most: int) -> list[DirEntry[str]]:
    try:
        with scandir(folder) as entries:
            return sorted(islice((e for e in entries if not e.name.startswith(".")), most), key=lambda e: e.name)
    except OSError:
        return []
