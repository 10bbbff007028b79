"""Texts by name or by path, pinned and hashed. Resolved without torch."""

from __future__ import annotations

import hashlib
import json
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from suite.data import grammar
from suite.errors import InputError
from suite.records.experiment import TextReference


@dataclass(frozen=True, slots=True)
class GrammarText:
    """A text of the grammar's: the stories 0 to `stories` of the corpus `seed`, in full or short ones."""

    seed: int
    stories: int
    short: bool = False

    def tell(self) -> Iterator[list[grammar.Scored]]:
        """Story by story, what the grammar knows of each word."""
        return (grammar.tell(self.seed, index, self.short) for index in range(self.stories))

    def write(self) -> Iterator[list[str]]:
        """Story by story, the words."""
        return ([scored.word for scored in story] for story in self.tell())


GRAMMAR_TEXTS = {
    "stories": GrammarText(seed=2, stories=224),  # never seen by the embedded models: 61 windows of 256 tokens
    "stories-training": GrammarText(seed=1, stories=4000),  # a tenth of what they were trained on: 280,000 tokens
    "short-stories": GrammarText(seed=2, stories=256, short=True),  # never seen either: 11,000 tokens
    "short-stories-training": GrammarText(seed=1, stories=6000, short=True),  # 256,000 tokens
}
WIKITEXT = ("Salesforce/wikitext", "wikitext-2-raw-v1", "b08601e04326c79dfdd32d625aee71d232d685c3")
WIKITEXT_FILES = {
    "wikitext-2": f"{WIKITEXT[1]}/test-00000-of-00001.parquet",
    "wikitext-2-training": f"{WIKITEXT[1]}/train-00000-of-00001.parquet",
}
WIKITEXT_BYTES = {"wikitext-2": 1_296_370, "wikitext-2-training": 10_900_000}
WIKITEXT_SHA256 = "696cca6b65a171b0a358a4be6732cdfdf2dd6164a32e20fd70e3c13fc4dfae83"  # of the test rows joined
TRAINING = {
    "stories": "stories-training",
    "short-stories": "short-stories-training",
    "wikitext-2": "wikitext-2-training",
}  # what may be learnt from
CATALOGUE = (*TRAINING, *TRAINING.values())
PARAGRAPHS = "\n\n"


@dataclass(frozen=True)
class TextSource:
    """A text whose content may still have to be fetched. `context` is the window length usual for it, in tokens."""

    name: str
    revision: str
    join: str
    bytes: int  # of the joined text; what a plan reckons with
    context: int = 2048
    path: Path | None = None

    @property
    def reference(self) -> TextReference:
        return TextReference(name=self.name, revision=self.revision, join=self.join)

    @property
    def grammar_text(self) -> GrammarText | None:
        """Which of the grammar's texts it is, if it is one."""
        return GRAMMAR_TEXTS.get(self.name) if self.path is None else None

    @property
    def labelled(self) -> bool:
        """Whether the grammar knows every word of it."""
        return self.grammar_text is not None

    @property
    def on_hub(self) -> bool:
        """Whether its content has to be fetched."""
        return self.path is None and self.name in WIKITEXT_FILES

    @cached_property
    def content(self) -> str:
        """The whole text, rows joined.

        Raises:
            InputError: the hub does not give it, or the file changed since it was hashed.
        """
        if self.path is not None:
            return _read(self.name, self.path, self.join)
        if self.grammar_text is not None:
            return _written(self.grammar_text)
        return self.join.join(_wikitext_rows(self.name))


@cache
def _written(text: GrammarText) -> str:
    return "".join(map(grammar.join, text.write()))


def training_text(text: TextSource) -> TextSource:
    """What a model that is measured on `text` may be calibrated with, or learn from, unless a manifest says otherwise.

    Raises:
        InputError: the suite does not know it.
    """
    if text.path is not None or text.name not in TRAINING:
        raise InputError(f"no training text is known for {text.name!r}; give one by name, or with a path")
    return text_from_catalogue(TRAINING[text.name])


def text_from_catalogue(name: str, join: str | None = None) -> TextSource:
    """A text the suite knows.

    Raises:
        InputError: no text has this name, or it has no rows to join in another way.
    """
    if name in WIKITEXT_FILES:
        return TextSource(name, WIKITEXT[2], PARAGRAPHS if join is None else join, bytes=WIKITEXT_BYTES[name])
    if name in GRAMMAR_TEXTS:
        if join is not None:
            raise InputError(f"text {name!r} is one text already: leave `join` out")
        text = _written(GRAMMAR_TEXTS[name]).encode()
        return TextSource(name, f"sha256:{hashlib.sha256(text).hexdigest()}", "", bytes=len(text), context=256)
    raise InputError(f"no text is called {name!r}; the suite knows {', '.join(CATALOGUE)}, any other needs a path")


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


def _wikitext_rows(name: str) -> list[str]:
    from datasets import Dataset  # takes a second to import

    from suite.hub import fetch_file

    repository, _, revision = WIKITEXT
    path = fetch_file(repository, revision, WIKITEXT_FILES[name], "dataset")
    with tempfile.TemporaryDirectory() as cache:  # what `datasets` makes of a file is not kept: the file is
        rows = list(Dataset.from_parquet(str(path), columns=["text"], cache_dir=cache, keep_in_memory=True)["text"])
    found = hashlib.sha256(PARAGRAPHS.join(rows).encode()).hexdigest()
    if name == "wikitext-2" and found != WIKITEXT_SHA256:
        raise InputError(
            f"text 'wikitext-2': the rows of {path} have the SHA-256 {found[:12]}, and the text that perplexities are "
            f"published of has {WIKITEXT_SHA256[:12]}: remove the file and fetch it again"
        )
    return rows
