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
    the reason why a value was not measured, `citation` a reference's key and number, `marked` the word of a verdict on
    a sample, `verdict` that of a claim's and the name of its colour, `link` a place in the document and a text.
    """

    printable: Callable[[str], Markup]
    verbatim: Callable[[str], Markup]
    plain: Callable[[str], Markup]
    missing: Callable[[str], Markup]
    citation: Callable[[str, int], Markup]
    marked: Callable[[str], Markup]
    verdict: Callable[[str, str], Markup]
    link: Callable[[str, str], Markup]


def _rml_missing(_reason: str) -> Markup:
    return Markup('<font color="{}">n/m</font>').format(theme().colours["mute"])


def _rml_citation(key: str, number: int) -> Markup:
    return Markup('<a href="#ref-{}" color="{}">{}</a>').format(key, theme().colours["accent"], number)


def _rml_marked(word: str) -> Markup:
    return Markup('<font color="{}"><b>{}</b></font>').format(theme().colours[word], word)


def _rml_verdict(word: str, colour: str) -> Markup:
    return Markup('<font color="{}"><b>{}</b></font>').format(theme().colours[colour], word)


def _rml_link(place: str, text: str) -> Markup:
    return Markup('<a href="#{}" color="{}">{}</a>').format(place, theme().colours["accent"], text)


def _html_verdict(word: str, colour: str) -> Markup:
    return Markup('<strong class="verdict-{}">{}</strong>').format(colour, word)


def _html_link(place: str, text: str) -> Markup:
    return Markup('<a href="#{}">{}</a>').format(place, text)


def _html_missing(reason: str) -> Markup:
    return Markup('<abbr title="{}">n/m</abbr>').format(glyphs.html_plain(f"not measured: {reason}"))


def _html_citation(key: str, number: int) -> Markup:
    return Markup('<a href="#ref-{}" aria-label="reference {}">{}</a>').format(key, number, number)


def _html_marked(word: str) -> Markup:
    return Markup('<strong class="{}">{}</strong>').format(word, word)


RML = Medium(
    printable=glyphs.printable,
    verbatim=glyphs.verbatim,
    plain=glyphs.plain,
    missing=_rml_missing,
    citation=_rml_citation,
    marked=_rml_marked,
    verdict=_rml_verdict,
    link=_rml_link,
)
HTML = Medium(
    printable=glyphs.html_printable,
    verbatim=glyphs.html_verbatim,
    plain=glyphs.html_plain,
    missing=_html_missing,
    citation=_html_citation,
    marked=_html_marked,
    verdict=_html_verdict,
    link=_html_link,
)
