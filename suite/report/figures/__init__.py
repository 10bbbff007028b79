"""The figures: each a function of the facts, drawn as vectors at the size the layout gives it.

To add one: a function `(axes, facts, style) -> None` and its line in `FIGURES`; templates place it by that name.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import FigureCanvasPdf, PdfPages
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from suite.analysis.facts import Facts
from suite.report.figures.breaks import breaks
from suite.report.figures.bytes import bytes_
from suite.report.figures.cliff import cliff
from suite.report.figures.comparison import comparison
from suite.report.figures.criteria import criteria, effort
from suite.report.figures.crossings import crossings
from suite.report.figures.damage_map import damage_map
from suite.report.figures.lines import divergence, kinds, targets
from suite.report.figures.network import network
from suite.report.figures.ranking import ranking
from suite.report.figures.recovery import recovery
from suite.report.figures.rounding import rounding
from suite.report.figures.speed import speed
from suite.report.figures.structure import structure
from suite.report.figures.style import Style, arrange, settings
from suite.report.figures.survivors import survivors
from suite.report.figures.ticket import ticket
from suite.report.figures.ticket_early import early

Size = tuple[float, float]

FIGURES: dict[str, Callable[[Axes, Facts, Style], None]] = {
    "cliff": cliff,
    "targets": targets,
    "ranking": ranking,
    "comparison": comparison,
    "kinds": kinds,
    "breaks": breaks,
    "divergence": divergence,
    "speed": speed,
    "network": network,
    "crossings": crossings,
    "bytes": bytes_,
    "criteria": criteria,
    "effort": effort,
    "rounding": rounding,
    "recovery": recovery,
    "structure": structure,
    "map": damage_map,
    "ticket": ticket,
    "survivors": survivors,
    "early": early,
}


def draw(places: Mapping[str, Size], facts: Facts, style: Style) -> bytes:
    """A document's figures as a PDF, a page each in the order of `places`, of exactly its width and height in points.

    They share one file because they share its fonts: cutting a font down to what is used is half the work of a figure.

    Raises:
        KeyError: no figure has that name.
    """
    buffer = io.BytesIO()
    metadata = {"CreationDate": None, "Creator": None, "Producer": None}
    with matplotlib.rc_context(settings(style)), PdfPages(buffer, metadata=metadata) as pages:
        for name, (width, height) in places.items():
            figure = Figure(figsize=(width / 72, height / 72), layout=_layout(style))
            FigureCanvasPdf(figure)
            _fill(figure, name, facts, style)
            figure.savefig(pages, format="pdf", transparent=True)
    return buffer.getvalue()


def draw_svg(name: str, width: float, height: float, facts: Facts, style: Style) -> bytes:
    """One figure as SVG of `width` by `height` points, its text as text; the same bytes in any process.

    Raises:
        KeyError: no figure has that name.
    """
    buffer = io.BytesIO()
    metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with matplotlib.rc_context({**settings(style), "svg.fonttype": "none", "svg.hashsalt": name}):
        figure = Figure(figsize=(width / 72, height / 72), dpi=72, layout=_layout(style), frameon=False)
        canvas = FigureCanvasSVG(figure)
        _fill(figure, name, facts, style, facecolor="none")
        canvas.print_svg(buffer, metadata=metadata)
    return buffer.getvalue()


def _layout(style: Style) -> ConstrainedLayoutEngine:
    pad = style.size / 8 / 72
    return ConstrainedLayoutEngine(w_pad=pad, h_pad=pad)


def _fill(figure: Figure, name: str, facts: Facts, style: Style, **look: Any) -> None:
    """Draw and lay out once: to save a figure that has a layout engine draws it twice."""
    FIGURES[name](figure.add_subplot(**look), facts, style)
    arrange(figure)
    figure.set_layout_engine(None)
