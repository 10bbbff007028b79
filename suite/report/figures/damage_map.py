"""The map of the ticket: the damage of each kind of part of each layer, all of them having lost the same."""

from __future__ import annotations

from matplotlib.axes import Axes

from suite.analysis.damage_map import DamageMap
from suite.analysis.values import Verdict
from suite.report.figures.grid import scale, shaded
from suite.report.figures.style import Style
from suite.report.format import num
from suite.report.theme import theme


def damage_map(axes: Axes, found: DamageMap, style: Style) -> None:
    """Layers across, parts up; the darker, the more its loss costs; a dot where it is not told apart from nothing."""
    top, mute = worst(found), theme().colours["mute"]

    def shade(part: str, layer: str) -> float | None:
        spot = found.spots.get((part, layer))
        if spot is None or not isinstance(spot.nats, float):
            return None
        return max(spot.nats, 0.0) / top if top > 0 else 0.0

    shaded(axes, found.parts, found.layers, shade, style)
    for row, part in enumerate(reversed(found.parts)):
        for column, layer in enumerate(found.layers):
            spot = found.spots.get((part, layer))
            if spot and isinstance(spot.nats, float) and spot.apart is Verdict.UNKNOWN:
                axes.plot([column + 0.5], [row + 0.5], marker="o", ms=style.size * 0.2, mec="none", color=mute)
    scale(axes, "0", f"{num(top, _decimals(top))} nats", style)


def worst(found: DamageMap) -> float:
    """The end of the colour scale, nats."""
    return max((nats for spot in found.known if isinstance(nats := spot.nats, float)), default=0.0)


def _decimals(top: float) -> int:
    return 2 if top >= 0.1 else 3 if top >= 0.01 else 4 if top >= 0.001 else 5
