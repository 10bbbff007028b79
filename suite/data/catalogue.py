"""The catalogue: the texts the suite knows by name, pinned. Another text is another entry.

Nothing here is read or fetched: what a text holds is `suite.data.source`'s. Other packages add texts by entry points
(`suite.plugins`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from suite.data import grammar
from suite.plugins import Registry
from suite.protocol import CONTEXT

PARAGRAPHS = "\n\n"


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


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a dataset of the hub: Parquet, or JSON lines under gzip, with one document in the `column` of a row."""

    repository: str
    file: str
    column: str = "text"


@dataclass(frozen=True, slots=True)
class KnownText:
    """A text by its name. It comes from `grammar`, `hub` or `path`; one with a `sha256` also from a file that holds it.

    Attributes:
        revision: the commit of the hub, or `sha256:` and the digest; empty where the grammar's words decide it.
        path: a file of the package that brings it: JSON (a list of strings), JSON lines, or plain text.
        licence: in a few words; empty where it is the suite's own.
        bytes: of the joined text in UTF-8; about so many where `sha256` is not known. None: once it is written.
        sha256: of the joined text.
        join: what stands between two documents. Only where `rejoined`, a manifest may say another.
        documents: so many from the front, or all.
        context: the window length usual for it, in tokens.
        most_windows: at most so many windows are measured on.
        by_document: it is documents to draw from, and too long to be tokenised as one text.
        training: the text to calibrate with and to learn from, of what is measured on this one.
        origin: where a file that holds it is to be had, if no hub gives it.
    """

    name: str
    revision: str = ""
    grammar: GrammarText | None = None
    hub: HubFile | None = None
    path: Path | None = None
    licence: str = ""
    bytes: int | None = None
    sha256: str | None = None
    join: str = PARAGRAPHS
    rejoined: bool = False
    documents: int | None = None
    context: int = CONTEXT
    most_windows: int | None = None
    by_document: bool = False
    training: str | None = None
    origin: str = ""


def _stories(name: str, grammar_text: GrammarText, training: str | None = None) -> KnownText:
    return KnownText(name, grammar=grammar_text, join="", context=256, training=training)


WIKITEXT, WIKITEXT_COMMIT = "Salesforce/wikitext", "b08601e04326c79dfdd32d625aee71d232d685c3"
C4, C4_COMMIT = "allenai/c4", "1588ec454efa1a09f29cd18ddd04fe05fc8653a2"
C4_SAMPLE = "4f9e1a19d11b31bcbc21a5995b3e70d9b98765185fc585b474af8f23c8e2f63c"

_TEXTS = (
    # Never seen by the embedded models: 61 windows of 256 tokens.
    _stories("stories", GrammarText(seed=2, stories=224), "stories-training"),
    # Never seen either: 11,000 tokens.
    _stories("short-stories", GrammarText(seed=2, stories=256, short=True), "short-stories-training"),
    KnownText(
        "wikitext-2",
        WIKITEXT_COMMIT,
        hub=HubFile(WIKITEXT, "wikitext-2-raw-v1/test-00000-of-00001.parquet"),
        licence="CC BY-SA 3.0",
        bytes=1_296_370,
        sha256="696cca6b65a171b0a358a4be6732cdfdf2dd6164a32e20fd70e3c13fc4dfae83",
        rejoined=True,
        training="wikitext-2-training",
    ),
    # As the published code of SparseGPT (datautils.py) and Wanda (lib/data.py) takes C4: the first 1,100 documents of
    # the first validation shard joined by a space and the first 256 windows of them; calibration on windows of single
    # documents of the first training shard.
    KnownText(
        "c4",
        C4_COMMIT,
        hub=HubFile(C4, "en/c4-validation.00000-of-00008.json.gz"),
        licence="ODC-By",
        bytes=2_400_000,  # an estimate: a document of C4 has some 2,200 bytes
        join=" ",
        documents=1100,
        most_windows=256,
        training="c4-training",
    ),
    KnownText(
        "c4-sample",
        f"sha256:{C4_SAMPLE}",
        licence="ODC-By",
        bytes=2_202_105,
        sha256=C4_SAMPLE,
        origin=(
            "1,000 documents of C4, sample_c4-rp1.jsonl of https://github.com/zlab-princeton/llm-pruning-collection "
            "at commit b5b0014"
        ),
    ),
    # A tenth of what the embedded models were trained on: 280,000 tokens.
    _stories("stories-training", GrammarText(seed=1, stories=4000)),
    _stories("short-stories-training", GrammarText(seed=1, stories=6000, short=True)),  # 256,000 tokens
    KnownText(
        "wikitext-2-training",
        WIKITEXT_COMMIT,
        hub=HubFile(WIKITEXT, "wikitext-2-raw-v1/train-00000-of-00001.parquet"),
        licence="CC BY-SA 3.0",
        bytes=10_900_000,  # an estimate
        rejoined=True,
    ),
    KnownText(
        "c4-training",
        C4_COMMIT,
        hub=HubFile(C4, "en/c4-train.00000-of-01024.json.gz"),
        licence="ODC-By",
        bytes=780_000_000,  # an estimate, of some 356,000 documents
        join=" ",
        by_document=True,
    ),
)


def _fault(name: str, text: KnownText) -> str | None:
    """What is wrong with a plug-in's text."""
    if text.name != name:
        return f"its entry point and its `name` are the same word, and its name is {text.name!r}"
    if sum(place is not None for place in (text.grammar, text.hub, text.path)) != 1:
        return "it is in one place: `path`, `hub` or `grammar`"
    if text.path is not None and text.revision != f"sha256:{text.sha256}":
        return "a text in a file has its `sha256`, and `revision` is `sha256:` and that"
    if text.grammar is None and not (text.revision and text.bytes):
        return "a text that is not the grammar's has `revision` and `bytes`"
    return None


TEXTS: Registry[KnownText] = Registry("texts", "text", (KnownText,), {text.name: text for text in _TEXTS}, _fault)
