"""The poster: 48 by 36 inches, one page, landscape. Geometry and the amount of detail are decided here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from types import MappingProxyType
from typing import Any

from suite.analysis.facts import Facts
from suite.analysis.samples import selection
from suite.report.figures import draw
from suite.report.figures.style import Style
from suite.report.pdf import LayoutOverflowError, Pdf, build
from suite.report.templating import render

FIGURE_STYLE = Style(size=30, line=5.5)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on the page, in points from its lower left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Page:
    """The geometry of the page; `frames` are filled in their order, `panel` lies behind the takeaway."""

    width: float
    height: float
    margin: float
    foot: float  # top of the band at the bottom
    line: float  # top of its last line
    panel: Box
    pair: Sequence[str]  # the sections below the cliff, each in the frame of its name
    frames: Mapping[str, Box]


@dataclass(frozen=True, slots=True)
class Detail:
    """How much is shown where names, samples and the number of things are the study's to decide."""

    samples: int = 6
    characters: int = 260  # of a sample
    rows: int = 12
    failures: int = 5
    claims: int = 3  # about where the ticket lives
    claim: float = 80.0  # type size of the takeaway's words
    evidence: bool = True
    brief: bool = False  # the evidence in a line or two
    names: int = 7  # models listed by name
    label: int = 32  # characters of a name in that list
    hashes: bool = True  # and versions of libraries: the paper has them all


Steps = Sequence[Mapping[str, int | float | bool]]

# What gives way, step by step, where the content of a column does not fit.
SAMPLES: Steps = (
    {},
    {"samples": 5},
    {"samples": 5, "characters": 200},
    {"samples": 4, "characters": 260},
    {"samples": 4, "characters": 200},
    {"samples": 4, "characters": 150},
    {"samples": 3, "characters": 90},
    {"samples": 0},
)
ROWS: Steps = (
    {},
    {"claims": 2},
    {"rows": 10, "failures": 3, "claims": 2},
    {"rows": 8, "failures": 2, "claims": 2},
    {"rows": 8, "failures": 1, "claims": 2},
    {"rows": 8, "failures": 1, "claims": 1},
    {"rows": 6, "failures": 1, "claims": 1},
    {"rows": 6, "failures": 0, "claims": 1},
    {"rows": 4, "failures": 0, "claims": 1},
)
HERO: Steps = (
    {},
    {"claim": 70.0},
    {"claim": 70.0, "brief": True},
    {"claim": 60.0, "brief": True},
    {"claim": 52.0, "brief": True},
    {"claim": 52.0, "evidence": False},
)
MADE: Steps = ({}, {"names": 4}, {"names": 2, "label": 24}, {"names": 1, "label": 12, "hashes": False})


def _steps(located: bool) -> dict[str, Steps]:
    """What gives way in which column: the samples stand on the left where the right says where the ticket lives."""
    both = [{**rows, **samples} for rows, samples in zip_longest(ROWS, SAMPLES, fillvalue=ROWS[-1])]
    return {"left": SAMPLES if located else (), "hero": HERO, "made": MADE, "right": ROWS if located else both}


def landscape(pair: Sequence[str]) -> Page:
    """48 by 36 inches: the takeaway and the cliff in the middle, `pair` (none, one or two sections) below them."""
    width, height, margin, gutter, foot, top = 3456.0, 2592.0, 84.0, 64.0, 326.0, 2276.0
    side, bottom, gap, line = 900.0, foot + 40, 44.0, 70.0
    middle = width - 2 * (margin + side + gutter)
    x = margin + side + gutter
    hero, below = 760.0, 510.0 if pair else 0.0
    panel = Box(x, top - hero, middle, hero)
    cliff_bottom = bottom + below + (gap if pair else 0)
    frames = {
        "title": Box(margin, top + 36, width - 2 * margin, height - 18 - top - 56),
        "left": Box(margin, bottom, side, top - bottom),
        "hero": Box(x + 64, panel.y + 40, middle - 128, hero + 30),  # the first line is taller than its figures
        "cliff": Box(x, cliff_bottom, middle, panel.y - gap - cliff_bottom),
    }
    half = (middle - gutter * (len(pair) - 1)) / max(len(pair), 1)
    for index, name in enumerate(pair):
        frames[name] = Box(x + index * (half + gutter), bottom, half, below)
    frames["right"] = Box(width - margin - side, bottom, side, top - bottom)
    made = 1180.0
    frames["made"] = Box(margin, line, made, foot - line - 22)
    frames["references"] = Box(margin + made + gutter, line, width - 2 * margin - made - gutter, foot - line - 22)
    return Page(width, height, margin, foot, line, panel, tuple(pair), MappingProxyType(frames))


def build_poster(facts: Facts) -> Pdf:
    """The poster of a study, with as much detail as fits.

    Raises:
        LayoutOverflowError: it does not fit even with the least detail.
        RmlError, FormatError, jinja2.UndefinedError: a template is at fault.
    """
    main = facts.main
    fitting = {"universal": facts.comparison, "forgotten": main.kinds, "faster": main.speed}
    page = landscape([name for name, there in fitting.items() if there][:2])
    located = bool(main.heat or facts.shared_rankings)
    steps = {column: list(steps) for column, steps in _steps(located).items()}
    while True:
        limits = [left[0] for left in steps.values() if left]
        detail = Detail(**{name: value for limit in limits for name, value in limit.items()})  # type: ignore[arg-type]
        rml = render("poster/poster.rml.j2", _context(facts, page, detail, located))
        try:
            return build(rml, partial(draw, facts=facts, style=FIGURE_STYLE), pages=1)
        except LayoutOverflowError as error:
            left = steps.get(error.column or "", [])
            if len(left) < 2:
                raise
            left.pop(0)


def _context(facts: Facts, page: Page, detail: Detail, located: bool) -> dict[str, Any]:
    return {
        "facts": facts,
        "page": page,
        "detail": detail,
        "located": located,
        "utterances": selection(facts.main.utterances, detail.samples, facts.headline.marked),
    }
