"""The poster: one sheet, with as much detail as fits."""

from __future__ import annotations

from functools import partial
from typing import Any

from suite.analysis.facts import Facts
from suite.analysis.samples import selection
from suite.report.figures import draw
from suite.report.figures.style import Style
from suite.report.pdf import LayoutOverflowError, Pdf, build
from suite.report.poster.detail import Detail, steps_of
from suite.report.poster.sheets import Page, landscape
from suite.report.templating import render

FIGURE_STYLE = Style(size=30, line=5.5)


def build_poster(facts: Facts, sheet: str = "48x36") -> Pdf:
    """The poster of a study, with as much detail as fits.

    Raises:
        LayoutOverflowError: it does not fit even with the least detail.
        RmlError, FormatError, jinja2.UndefinedError: a template is at fault.
    """
    main = facts.main
    fitting = {"universal": facts.comparison, "forgotten": main.kinds, "faster": main.speed}
    page = landscape([name for name, there in fitting.items() if there][:2])
    located = bool(main.heat or facts.shared_rankings)
    steps = {column: list(steps) for column, steps in steps_of(located).items()}
    while True:
        limits = [left[0] for left in steps.values() if left]
        detail = Detail(**{name: value for limit in limits for name, value in limit.items()})  # type: ignore[arg-type]
        rml = render("poster/poster.rml.j2", _context(facts, page, detail, located))
        try:
            return build(rml, partial(draw, facts=facts, style=FIGURE_STYLE), pages=1)
        except LayoutOverflowError as error:
            overfull = [steps.get(column, []) for column in error.columns]
            if not overfull or any(len(left) < 2 for left in overfull):
                raise
            for left in overfull:
                left.pop(0)


def _context(facts: Facts, page: Page, detail: Detail, located: bool) -> dict[str, Any]:
    return {
        "facts": facts,
        "page": page,
        "detail": detail,
        "located": located,
        "utterances": selection(facts.main.utterances, detail.samples, facts.headline.marked),
    }
