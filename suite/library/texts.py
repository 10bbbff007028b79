"""What a library call may give as a text: a name, a file, or the rows themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from suite.data.catalogue import PARAGRAPHS, TEXTS
from suite.data.source import TextSource, text_from_catalogue, text_from_file
from suite.errors import InputError

Text = str | Path | Sequence[str] | TextSource


@dataclass(frozen=True)
class RowsInMemory(TextSource):
    """A text given as its rows; they are joined by a blank line."""

    rows: tuple[str, ...] = ()

    @property
    def content(self) -> str:
        return self.join.join(self.rows)


def text_of(text: Text) -> TextSource:
    """The text that is meant.

    Args:
        text: a name of the catalogue (`wikitext-2`), the path of a file (plain text, or a JSON list of strings), or a
            list of strings, which a blank line joins.

    Raises:
        InputError: it is none of these, or cannot be read.
    """
    if isinstance(text, TextSource):
        return text
    if isinstance(text, str) and text in TEXTS:
        return text_from_catalogue(text)
    if isinstance(text, str | Path):
        try:
            there = Path(text).is_file()
        except (OSError, ValueError):  # far too long for a path, or with a NUL
            there = False
        if there:
            return text_from_file(Path(text).name, Path(text))
        raise InputError(
            f"text {str(text)[:40]!r} is neither a name ({', '.join(TEXTS)}) nor a file; give the words "
            "themselves as a list of strings"
        )
    rows = tuple(text)
    if not rows or not all(isinstance(row, str) for row in rows) or not any(row.strip() for row in rows):
        raise InputError("a text given as a list holds strings, of which one is not empty")
    content = PARAGRAPHS.join(rows).encode()
    digest = hashlib.sha256(content).hexdigest()
    return RowsInMemory("rows", f"sha256:{digest}", PARAGRAPHS, bytes=len(content), rows=rows)
