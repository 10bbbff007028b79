"""The poster: one sheet, with as much detail as fits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from suite.analysis.facts import Facts
from suite.analysis.location import HeatTable
from suite.analysis.samples import Utterance, selection
from suite.analysis.values import NotMeasured
from suite.report.figures import draw
from suite.report.figures.style import Style
from suite.report.marks import with_marks
from suite.report.pdf import Pdf, lay_out
from suite.report.poster.detail import Detail, Fitting, steps_of
from suite.report.poster.sheets import SHEETS, Page
from suite.report.rules import RULES
from suite.report.templating import render
from suite.report.theme import theme

HEAT_NAMES, HEAT_NUMBER = 6.3, 2.3  # widths of the heat table's columns, in ems
LINE = 5.5  # width of a curve, in points


def build_poster(facts: Facts, sheet: str = "48x36") -> Pdf:
    """The poster of a study, with as much detail as fits.

    Args:
        sheet: a key of `suite.report.poster.sheets.SHEETS`.

    Raises:
        InputError: the theme's logo cannot be printed.
        LayoutOverflowError: it does not fit even with the least detail.
        RmlError, FormatError, jinja2.UndefinedError: a template is at fault.
    """
    page = SHEETS[sheet](present(facts), theme().team.logo is not None)
    fitting = Fitting(steps_of(page.sections))
    while True:
        layout = lay_out(render("poster/poster.rml.j2", _context(facts, page, fitting.detail)))
        if fitting.learn(layout.overflows):
            break
    style = Style(size=theme().sizes.poster.figure, line=LINE)
    return layout.complete(partial(with_marks, draw=partial(draw, facts=facts, style=style)), pages=1)


def present(facts: Facts) -> frozenset[str]:
    """The sections this study has the records for."""
    there = {"why": True, "measured": True, "ticket": bool(facts.tickets and facts.tickets[0].matching), "limits": True}
    there |= _of_models(facts) if facts.models else _of_search(facts)
    return frozenset(name for name, is_there in there.items() if is_there)


def _of_models(facts: Facts) -> dict[str, bool]:
    main, price = facts.main, facts.headline.price if facts.headline else None
    return {
        "price": price is not None and not isinstance(price.smaller, NotMeasured),
        "says": bool(main.utterances),
        "first_study": any(isinstance(claim.values.get("ratio"), float) for claim in facts.audit),
        "lives": bool(main.heat or facts.shared_rankings),
        "universal": bool(facts.crossings or facts.comparison),
        "storage": facts.storage is not None,
        "forgotten": main.kinds is not None,
        "faster": main.speed is not None,
        "cliff_numbers": main.main is not None,
        "numbers": main.main is not None and main.heat is None,
        "criteria": bool(facts.further.criteria),
        "recovery": bool(facts.further.courses),
        "rounding": bool(facts.further.roundings),
        "structure": bool(facts.further.structures),
        "map": bool(facts.further.maps),
    }


def _of_search(facts: Facts) -> dict[str, bool]:
    """What a sheet holds that the search for a ticket has to itself; the picture of it has the cliff's place there."""
    found = facts.tickets[0]
    return {
        "ticket": False,
        "ahead": bool(found.rivals),
        "asked": len(found.claims) > 1,
        "early": "ticket_read_early" in facts.claims,
        "survivors": found.survivors is not None,
    }


def _context(facts: Facts, page: Page, detail: Detail) -> dict[str, Any]:
    return {
        "facts": facts,
        "page": page,
        "detail": detail,
        "rules": RULES,
        "heat_names": HEAT_NAMES * theme().sizes.poster.table,
        "heat": _heat(facts, page),
        "utterances": _said(facts, detail),
    }


def _said(facts: Facts, detail: Detail) -> Sequence[Utterance]:
    marked = facts.headline.marked if facts.headline else ()
    return selection(facts.main.utterances, detail.samples, marked) if facts.models else ()


def _heat(facts: Facts, page: Page) -> HeatTable | None:
    """The heat table with as many columns as fit beside each other where it stands: of the largest sparsities."""
    heat = facts.main.heat if facts.models else None
    width = next((page.frames[frame].width for frame, held in page.sections.items() if "lives" in held), 0.0)
    room = width / theme().sizes.poster.table - HEAT_NAMES
    return heat.last(int(room / HEAT_NUMBER)) if heat else None
