"""Text of unknown origin made printable: pruned models write anything, and names of models are data too.

Every character prints. What cannot be seen (controls, marks of direction, lone surrogates) is shown as a box. In a PDF,
what the running face lacks is set in a face that has it, and what no face has is a box too; a browser finds its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import groupby

from markupsafe import Markup, escape

from suite.report.fonts import FALLBACKS, common_coverage, coverage

BOX = "\u25a1"
BREAK = "\u21b5"
NO_BREAK_SPACE = "\u00a0"
ELLIPSIS = "\u2026"
INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")


def clip(text: str, most: int) -> str:
    """The text, or its beginning and an ellipsis: at most so many characters."""
    return text if len(text) <= most else text[: max(most - 1, 0)].rstrip() + ELLIPSIS


def shorten(text: str, most: int) -> str:
    """A name in at most so many characters, its middle left out: names of models differ at their ends."""
    if len(text) <= most:
        return text
    tail = (most - 1) // 2
    return text[: most - 1 - tail].rstrip() + ELLIPSIS + text[len(text) - tail :].lstrip()


def printable(text: str) -> Markup:
    """Inline RML for running text: white space folded, rare characters in a face that has them."""
    return _inline(_folded(text), common_coverage())


def verbatim(text: str) -> Markup:
    """Inline RML for a sample in the mono face: line breaks shown as an arrow, runs of spaces kept."""
    shown = _visible(text).replace("  ", " " + NO_BREAK_SPACE)
    return _inline(shown, coverage("Mono"))


def plain(text: str) -> Markup:
    """Text for attributes and the outline, which take no change of face: what the running faces lack becomes `?`."""
    return escape("".join(c if ord(c) in common_coverage() else "?" for c in _folded(text).strip(" ")))


def html_printable(text: str) -> Markup:
    """HTML for running text: white space folded; writing from right to left keeps its neighbours in their places."""
    return _isolated(_folded(text))


def html_verbatim(text: str) -> Markup:
    """HTML for a sample: line breaks shown as an arrow, runs of spaces kept."""
    return _isolated(_visible(text).replace("  ", " " + NO_BREAK_SPACE))


def html_plain(text: str) -> Markup:
    """Text for HTML's attributes."""
    return escape(_folded(text).strip(" "))


def _isolated(text: str) -> Markup:
    backwards = any(unicodedata.bidirectional(character) in ("R", "AL", "AN") for character in text)
    return Markup("<bdi>{}</bdi>").format(text) if backwards else escape(text)


def drawable(text: str) -> str:
    """Text for a figure, whose faces are Source Sans and DejaVu Sans: what both lack becomes a box."""
    allowed = coverage("Sans") & coverage("Sans-Bold") | coverage("Wide")
    return "".join(c if ord(c) in allowed else BOX for c in _folded(text).strip(" "))


def _visible(text: str) -> str:
    """Every invisible character replaced by something that shows; all other kinds of space by a space."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_show, text.replace("\r\n", "\n")))


def _folded(text: str) -> str:
    """Visible text on one line, runs of breakable space as one space; no-break spaces stay."""
    return re.sub(" +", " ", _visible(re.sub("[\n\r]", " ", text)))


def _show(character: str) -> str:
    if character in "\n\r":
        return BREAK
    category = unicodedata.category(character)  # the last two code points of every plane are no characters at all
    if character == "\t" or category == "Zs":
        return NO_BREAK_SPACE if character in (NO_BREAK_SPACE, "\u202f") else " "
    return BOX if category in INVISIBLE or ord(character) & 0xFFFE == 0xFFFE else character


def _inline(text: str, home: frozenset[int]) -> Markup:
    if home.issuperset(map(ord, text)):
        return escape(text)
    return Markup("").join(_runs(text, home))


def _runs(text: str, home: frozenset[int]) -> Iterator[Markup]:
    def face(character: str) -> str:
        if ord(character) in home:
            return ""
        return next((name for name in FALLBACKS if ord(character) in coverage(name)), "none")

    for name, group in groupby(text, key=face):
        run = "".join(group)
        if name == "":
            yield escape(run)
        elif name == "none":
            yield Markup('<font name="Wide">{}</font>').format(BOX * len(run))
        else:
            yield Markup('<font name="{}">{}</font>').format(name, run)
