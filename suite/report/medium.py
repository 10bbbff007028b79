"""What differs between the documents' languages: how text of unknown origin, n/m, citations and verdicts are set.

The wordings in `templates/shared` know none of it, so that poster, paper and page say the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from suite.report import glyphs
from suite.report.theme import theme


@dataclass(frozen=True, slots=True)
class Medium:
    """A language of documents, as the functions that set in it what is not a template's own markup.

    `printable`, `verbatim` and `plain` take any text: for running text, for a sample, for attributes. `missing` takes
    the reason why a value was not measured, `citation` a reference's key and number, `marked` a verdict's word.
    """

    printable: Callable[[str], Markup]
    verbatim: Callable[[str], Markup]
    plain: Callable[[str], Markup]
    missing: Callable[[str], Markup]
    citation: Callable[[str, int], Markup]
    marked: Callable[[str], Markup]


def _rml_missing(_reason: str) -> Markup:
    return Markup('<font color="{}">n/m</font>').format(theme().colours["mute"])


def _rml_citation(key: str, number: int) -> Markup:
    return Markup('<a href="#ref-{}" color="{}">{}</a>').format(key, theme().colours["accent"], number)


def _rml_marked(word: str) -> Markup:
    return Markup('<font color="{}"><b>{}</b></font>').format(theme().colours[word], word)


def _html_missing(reason: str) -> Markup:
    return Markup('<abbr title="{}">n/m</abbr>').format(glyphs.html_plain(f"not measured: {reason}"))


def _html_citation(key: str, number: int) -> Markup:
    return Markup('<a href="#ref-{}" aria-label="reference {}">{}</a>').format(key, number, number)


def _html_marked(word: str) -> Markup:
    return Markup('<strong class="{}">{}</strong>').format(word, word)


RML = Medium(glyphs.printable, glyphs.verbatim, glyphs.plain, _rml_missing, _rml_citation, _rml_marked)
HTML = Medium(
    glyphs.html_printable, glyphs.html_verbatim, glyphs.html_plain, _html_missing, _html_citation, _html_marked
)
