"""Figures drawn as vectors, at the size that the layout gives them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import matplotlib
from matplotlib.backends.backend_pdf import FigureCanvasPdf, PdfPages
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from suite.report.contents import Contents
from suite.report.figures.style import Style, arrange, keep_labels_inside, settings

Size = tuple[float, float]


def draw(places: Mapping[str, Size], contents: Contents, style: Style) -> bytes:
    """A document's figures as a PDF, a page each in the order of `places`, of exactly its width and height in points.

    They share one file because they share its fonts: cutting a font down to what is used is half the work of a figure.

    Raises:
        KeyError: no section has a figure of that name.
    """
    buffer = io.BytesIO()
    metadata = {"CreationDate": None, "Creator": None, "Producer": None}
    with matplotlib.rc_context(settings(style)), PdfPages(buffer, metadata=metadata) as pages:
        for name, (width, height) in places.items():
            figure = Figure(figsize=(width / 72, height / 72), layout=_layout(style))
            FigureCanvasPdf(figure)
            _fill(figure, name, contents, style)
            figure.savefig(pages, format="pdf", transparent=True)
    return buffer.getvalue()


def draw_svg(name: str, width: float, height: float, contents: Contents, style: Style) -> bytes:
    """One figure as SVG of `width` by `height` points, its text as text; the same bytes in any process.

    Raises:
        KeyError: no section has a figure of that name.
    """
    buffer = io.BytesIO()
    metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with matplotlib.rc_context({**settings(style), "svg.fonttype": "none", "svg.hashsalt": name}):
        figure = Figure(figsize=(width / 72, height / 72), dpi=72, layout=_layout(style), frameon=False)
        canvas = FigureCanvasSVG(figure)
        _fill(figure, name, contents, style, facecolor="none")
        canvas.print_svg(buffer, metadata=metadata)
    return buffer.getvalue()


def _layout(style: Style) -> ConstrainedLayoutEngine:
    pad = style.size / 8 / 72
    return ConstrainedLayoutEngine(w_pad=pad, h_pad=pad)


def _fill(figure: Figure, name: str, contents: Contents, style: Style, **look: Any) -> None:
    """Draw and lay out once: to save a figure that has a layout engine draws it twice."""
    contents.placed(name)(figure.add_subplot(**look), style)
    arrange(figure)
    keep_labels_inside(figure)
    figure.set_layout_engine(None)
