"""Texts by name or by path, pinned and hashed. Resolved without torch."""

from __future__ import annotations

import hashlib
import json
import stat
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from suite.data import grammar
from suite.data.catalogue import PARAGRAPHS, TEXTS, GrammarText, HubFile, KnownText
from suite.data.documents import Documents, read_documents
from suite.data.held import held, put_there, rows_held
from suite.errors import InputError
from suite.paths import DATA
from suite.protocol import CONTEXT
from suite.records.experiment import TextReference


@dataclass(frozen=True)
class TextSource:
    """A text whose content may still have to be fetched. `context` is the window length usual for it, in tokens; `path`
    is the file that somebody named."""

    name: str
    revision: str
    join: str
    bytes: int  # of the joined text; what a plan reckons with
    context: int = CONTEXT
    path: Path | None = None

    @property
    def reference(self) -> TextReference:
        return TextReference(name=self.name, revision=self.revision, join=self.join)

    @property
    def known(self) -> KnownText | None:
        """What the catalogue says of it; None of a file that somebody named."""
        return TEXTS.find(self.name) if self.path is None else None

    @property
    def grammar_text(self) -> GrammarText | None:
        """Which of the grammar's texts it is, if it is one."""
        return self.known.grammar if self.known else None

    @property
    def labelled(self) -> bool:
        """Whether the grammar knows every word of it."""
        return self.grammar_text is not None

    @property
    def by_document(self) -> bool:
        """Whether it is documents to draw from, without one content: see `documents`."""
        return self.known is not None and self.known.by_document

    @property
    def most_windows(self) -> int | None:
        """At most so many windows are measured on, as published; None: all."""
        return self.known.most_windows if self.known else None

    @property
    def sha256(self) -> str | None:
        """Of the joined text, in hexadecimal, where it is known without reading it."""
        if self.revision.startswith("sha256:"):
            return self.revision.removeprefix("sha256:")
        return self.known.sha256 if self.known and self.join == self.known.join else None

    @property
    def file(self) -> Path | None:
        """The file that somebody named, or that holds it in a folder of $LOTTERY_DATA.

        Raises:
            InputError: two files there hold it.
        """
        return held(self.known, self.join) if self.known else self.path

    @property
    def hub_file(self) -> HubFile | None:
        """Where on the hub it is, unless a file holds it."""
        return self.known.hub if self.known and self.file is None else None

    @property
    def missing(self) -> str | None:
        """Why it cannot be had, of a text that no file holds and no hub gives."""
        if self.known is None or self.known.grammar or self.known.hub or self.file is not None:
            return None
        return f"text {self.name!r} ({self.known.origin}) lies in no folder of {DATA}"

    @property
    def cure(self) -> str | None:
        """What else may be done where the hub does not give it."""
        return put_there(self.known) if self.known and self.known.sha256 and not self.known.grammar else None

    @cached_property
    def content(self) -> str:
        """The whole text, rows joined.

        Raises:
            InputError: it cannot be had, the file changed since it was hashed, or it is documents to draw from.
        """
        if self.path is not None:
            return _read(self.name, self.path, self.join)
        if self.grammar_text is not None:
            return _written(self.grammar_text)
        assert self.known is not None, "a text is of the catalogue, or has a path"
        if self.by_document:
            raise InputError(
                f"text {self.name!r} is documents to draw from, for calibration and recovery alone; give another"
            )
        return self.join.join(self._rows(self.known))

    @cached_property
    def documents(self) -> Documents:
        """The documents of a text that is drawn from one by one.

        Raises:
            InputError: it cannot be had.
        """
        assert self.known is not None and self.known.hub is not None, "a text by document is of the hub"
        return Documents(self._fetched(self.known.hub), self.known.hub.column)

    def _rows(self, known: KnownText) -> list[str]:
        if (file := self.file) is not None:
            if (rows := rows_held(file, known)) is None:
                if known.path is not None:
                    raise InputError(
                        f"text {self.name!r} of plug-in {TEXTS.origin(self.name)}: {file} is not the text of "
                        f"{known.bytes:,} bytes with the SHA-256 {str(known.sha256)[:12]}; install it again"
                    )
                raise InputError(f"text {self.name!r}: {file} changed while it was used; start again")
            return rows
        if known.hub is None:
            raise InputError(f"{self.missing}: {self.cure}")
        path = self._fetched(known.hub)
        rows = read_documents(path, known.hub.column, known.documents)
        found = hashlib.sha256(known.join.join(rows).encode()).hexdigest()
        if known.sha256 not in (None, found):
            raise InputError(
                f"text {self.name!r}: the rows of {path} have the SHA-256 {found[:12]}, and the text that perplexities "
                f"are published of has {str(known.sha256)[:12]}: remove the file and fetch it again"
            )
        return rows

    def _fetched(self, hub: HubFile) -> Path:
        from suite.hub import fetch_file

        try:
            return fetch_file(hub.repository, self.revision, hub.file, "dataset")
        except InputError as error:
            if self.cure is None:
                raise
            raise InputError(f"{error}; or {self.cure}") from error


@cache
def _written(text: GrammarText) -> str:
    return "".join(map(grammar.join, text.write()))


def training_text(text: TextSource) -> TextSource:
    """What a model that is measured on `text` may be calibrated with, or learn from, unless a manifest says otherwise.

    Raises:
        InputError: the suite does not know it.
    """
    if text.known is None or text.known.training is None:
        raise InputError(f"no training text is known for {text.name!r}; give one by name, or with a path")
    return text_from_catalogue(text.known.training)


def text_from_catalogue(name: str, join: str | None = None) -> TextSource:
    """A text the suite knows.

    Raises:
        InputError: no text has this name, its plug-in does not work, or it is not to be joined in another way.
    """
    if name not in TEXTS:
        raise InputError(f"no text is called {name!r}; the suite knows {', '.join(TEXTS)}, any other needs a path")
    known = TEXTS[name]
    if join is not None and not known.rejoined:
        raise InputError(f"text {name!r} is always joined in the same way: leave `join` out")
    if known.grammar is not None:
        text = _written(known.grammar).encode()
        revision, size = f"sha256:{hashlib.sha256(text).hexdigest()}", len(text)
    else:
        assert known.bytes is not None, "only the grammar's texts have to be written to be measured"
        revision, size = known.revision, known.bytes
    return TextSource(name, revision, known.join if join is None else join, bytes=size, context=known.context)


def same_text(one: TextSource, other: TextSource) -> bool:
    """Whether two texts are the same, as far as can be told without reading them."""
    if one.sha256 is not None and one.sha256 == other.sha256:
        return True
    return one.name == other.name and not (one.path and other.path)


def text_from_file(name: str, path: Path, join: str | None = None) -> TextSource:
    """A JSON list of strings (joined by `join`, a blank line unless said otherwise), or a plain text file.

    Raises:
        InputError: it cannot be read, or is empty.
    """
    joined = PARAGRAPHS if join is None and path.suffix == ".json" else join or ""
    content = _read(name, path, joined).encode()
    return TextSource(name, f"sha256:{hashlib.sha256(content).hexdigest()}", joined, bytes=len(content), path=path)


def _read(name: str, path: Path, join: str) -> str:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a device or a pipe may have no end
            raise InputError(f"text {name!r}: {path} is no file")
        content = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"text {name!r}: cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"text {name!r}: {path} is not UTF-8 at byte {error.start}") from error
    if path.suffix == ".json":
        try:
            rows = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise InputError(f"text {name!r}: {path} is not JSON: {error}") from error
        if not isinstance(rows, list) or not all(isinstance(row, str) for row in rows):
            raise InputError(f"text {name!r}: {path} must hold a JSON list of strings")
        content = join.join(rows)
    if not content.strip():
        raise InputError(f"text {name!r}: {path} holds no text")
    return content
