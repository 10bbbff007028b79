"""Where the ticket's weights are: the share of each part of each layer that survives."""

from __future__ import annotations

from matplotlib.axes import Axes

from suite.analysis.ticket.rows import Survivors
from suite.report.figures.grid import scale, shaded
from suite.report.figures.style import Style
from suite.report.format import remain


def survivors(axes: Axes, found: Survivors, style: Style) -> None:
    """Layers across, parts up; the darker, the larger the share that survives, means over seeds."""
    top = max(found.share.values())
    layers = {str(layer): layer for layer in found.layers}

    def shade(part: str, layer: str) -> float | None:
        share = found.share.get((part, layers[layer]))
        return None if share is None else share / top if top > 0 else 0.0

    shaded(axes, found.parts, tuple(layers), shade, style)
    for row, part in enumerate(reversed(found.parts)):
        for column, layer in enumerate(found.layers):
            if (part, layer) in found.share and len(layers) <= 6:
                axes.text(column + 0.5, row + 0.5, remain(found.share[part, layer]), ha="center", va="center")
    scale(axes, "0", f"{remain(top)} survive", style)
