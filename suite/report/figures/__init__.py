"""The figures: each a function of the facts, drawn as vectors at the size the layout gives it.

To add one: a function `(axes, facts, style) -> None` and its line in `FIGURES`; templates place it by that name.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from suite.analysis.facts import Facts
from suite.report.figures.breaks import breaks
from suite.report.figures.cliff import cliff
from suite.report.figures.comparison import comparison
from suite.report.figures.lines import divergence, kinds, targets
from suite.report.figures.ranking import ranking
from suite.report.figures.speed import speed
from suite.report.figures.style import Style, settings

FIGURES: dict[str, Callable[[Axes, Facts, Style], None]] = {
    "cliff": cliff,
    "targets": targets,
    "ranking": ranking,
    "comparison": comparison,
    "kinds": kinds,
    "breaks": breaks,
    "divergence": divergence,
    "speed": speed,
}


def draw(name: str, width: float, height: float, facts: Facts, style: Style) -> bytes:
    """One figure as a PDF page of exactly `width` by `height` points.

    Raises:
        KeyError: no figure has that name.
    """
    with matplotlib.rc_context(settings(style)):
        pad = style.size / 8 / 72
        layout = ConstrainedLayoutEngine(w_pad=pad, h_pad=pad)
        figure = Figure(figsize=(width / 72, height / 72), layout=layout)
        FigureCanvasPdf(figure)
        FIGURES[name](figure.add_subplot(), facts, style)
        buffer = io.BytesIO()
        metadata = {"CreationDate": None, "Creator": None, "Producer": None}
        figure.savefig(buffer, format="pdf", transparent=True, metadata=metadata)
    return buffer.getvalue()
