"""What a section of the reports says of itself: what it finds, its claims, its figures, its tables, its words.

A section is two files: `suite/report/sections/KEY.py` with one `Section`, and `templates/sections/KEY.j2` with its
words as macros: `lead` (what paper and page say), `poster`, `figure_KEY` and `table_KEY` (the captions). Poster, paper,
supplement and page walk the same list, `suite.report.sections.SECTIONS`, and after it what plug-ins add.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from matplotlib.axes import Axes

from suite.analysis.facts import Facts
from suite.analysis.samples import Utterance
from suite.analysis.values import Claim
from suite.report.figures.style import Style

F = TypeVar("F")  # what a section finds in the facts
R = TypeVar("R")  # what a row of a table is about


@dataclass(frozen=True, slots=True)
class Figure(Generic[F]):
    """A figure, drawn as vectors at the size that the layout gives it.

    Attributes:
        draw: draws it on the axes.
        height: in points in a column of the paper (243 points wide); the page scales it with its width.
        wide: across both columns of the paper.
        there: whether the records have what it shows.
        table: the key of the table that tells the same; the page's text alternative is made from it.
        paper: whether the paper shows it, or the supplement.
    """

    key: str
    draw: Callable[[Axes, F, Style], None]
    height: float | Callable[[F], float]
    wide: bool = False
    there: Callable[[F], bool] = lambda _: True
    table: str | None = None
    paper: bool = True

    def tall(self, found: F) -> float:
        return self.height(found) if callable(self.height) else self.height


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """A column of a table, declared once for all media.

    Attributes:
        value: of a row: a text, a number, an interval, the reason why there is none, or None where none can be.
        show: how a number is printed: a function of `suite.report.format`. None: the value is a text.
        short: the title where the column is narrow.
        worst: a ratio to dense is shaded by harm, as far as this one.
    """

    title: str
    value: Callable[[R], object]
    show: Callable[[Any], str] | None = None
    short: str | None = None
    worst: float | None = None


@dataclass(frozen=True, slots=True)
class Table(Generic[F, R]):
    """A table: its columns and rows, of what the section found.

    Attributes:
        by: what rows are grouped under, where a table is of several models.
        paper: whether the paper has it too, which has room for summaries alone; the supplement and the page have all.
        most: rows in the paper; the supplement has the others.
    """

    key: str
    columns: Callable[[F], Sequence[Column[R]]]
    rows: Callable[[F], Sequence[R]]
    by: Callable[[R], str] | None = None
    paper: bool = False
    most: int = 24


@dataclass(frozen=True, slots=True)
class Block(Generic[F]):
    """What a section has on the poster: a figure over its words (the macro `poster`, at most three lines).

    Attributes:
        figure: its key; None for words alone.
        heights: of the figure, in ems of the poster's figure type: least, natural, most.
        place: where on the sheet it belongs: `right` and `left` are columns, `below` is under the large figure.
        levels: how often its words can say less where they have no room; `poster` is told how often they must.
    """

    place: str = "below"
    figure: str | None = None
    heights: tuple[float, float, float] | Callable[[F], tuple[float, float, float]] = (7.5, 10.5, 25.0)
    levels: int = 0
    there: Callable[[F], bool] = lambda _: True

    def span(self, found: F) -> tuple[float, float, float]:
        return self.heights(found) if callable(self.heights) else self.heights


def no_claims(_found: Any) -> Iterable[Claim | None]:
    return ()


@dataclass(frozen=True, slots=True)
class Section(Generic[F]):
    """A section of the reports.

    Attributes:
        title: the one title, in every medium.
        find: what the section is about, in the facts; None where the records say nothing of it. The only such test.
        claims: each fixed beforehand; None for those that nothing was measured for.
        quotes: what a model wrote: so many of its continuations at most.
        poster: its block on the poster, where it may have one.
        words: the file of its words, of a section that a plug-in adds.
    """

    key: str
    title: str
    find: Callable[[Facts], F | None]
    claims: Callable[[F], Iterable[Claim | None]] = no_claims
    figures: tuple[Figure[F], ...] = ()
    tables: tuple[Table[F, Any], ...] = ()
    quotes: Callable[[F, int], Sequence[Utterance]] | None = None
    poster: Block[F] | None = None
    words: Path | None = None


def claims_in(sections: Iterable[Section[Any]], facts: Facts) -> dict[str, Claim]:
    """The claims of these sections that the records of one family of models bear on, by name, in their order."""
    found = ((section, section.find(facts)) for section in sections)
    claims = (claim for section, about in found if about is not None for claim in section.claims(about) if claim)
    return {claim.name: claim for claim in claims}
