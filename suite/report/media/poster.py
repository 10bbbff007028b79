"""The poster: one sheet of nine blocks at most, each saying as much as fits."""

from __future__ import annotations

from functools import partial
from typing import Any

from suite.report.contents import Contents
from suite.report.drawing import draw
from suite.report.figures.style import Style
from suite.report.marks import with_marks
from suite.report.media.fitting import GONE, OWN, Fitting, steps_of
from suite.report.media.sheets import SHEETS, Sheet
from suite.report.medium import RML
from suite.report.pdf import Pdf, lay_out
from suite.report.theme import theme
from suite.report.wording import Wording

LINE = 5.5  # width of a curve, in points


def build_poster(contents: Contents, sheet: str = "48x36") -> Pdf:
    """The poster of a study, with as much said as fits.

    Args:
        sheet: a key of `suite.report.media.sheets.SHEETS`.

    Raises:
        InputError: the theme's logo cannot be printed.
        LayoutOverflowError: it does not fit even where everything says the least.
        RmlError, FormatError, jinja2.UndefinedError: a template is at fault.
    """
    page = SHEETS[sheet](contents, theme().team.logo is not None)
    fitting = Fitting(steps_of(_held(page)))
    while True:
        words = Wording(contents, RML, "poster")
        context: dict[str, Any] = {"page": page, "levels": fitting.levels, "gone": GONE, "span": _span}
        layout = lay_out(words.render("media/poster.rml.j2", **context))
        if fitting.learn(layout.overflows):
            break
    style = Style(size=theme().sizes.poster.figure, line=LINE)
    drawn = partial(draw, contents=contents, style=style)
    return layout.complete(partial(with_marks, draw=drawn), pages=1)


def _held(page: Sheet) -> dict[str, list[tuple[str, int]]]:
    """What each frame holds, and in how many steps each can say less: its own words first, then its blocks."""
    found: dict[str, list[tuple[str, int]]] = {}
    for frame in page.frames:
        blocks = [
            (shown.key, shown.section.poster.levels) for shown in page.blocks.get(frame, ()) if shown.section.poster
        ]
        own = [(f"{frame}-own", OWN[frame])] if frame in OWN else []
        found[frame] = [*own, *blocks]
    return found


def _span(shown: Any) -> tuple[float, float, float]:
    """Heights of a block's figure in points: least, natural, most."""
    unit = theme().sizes.poster.figure
    least, natural, most = shown.section.poster.span(shown.found)
    return least * unit, natural * unit, most * unit
