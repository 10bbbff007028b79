"""The map of the ticket: the damage of each kind of part of each layer, all of them having lost the same."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from suite.analysis.damage_map import Damage, DamageMap
from suite.analysis.facts import Facts
from suite.analysis.values import Verdict
from suite.report.figures.style import Style, name
from suite.report.format import num
from suite.report.theme import blend, theme

STRIPS = 32  # of the colour scale
MOST_TICKS = 16


def damage_map(axes: Axes, facts: Facts, style: Style) -> None:
    """Layers across, parts up; the darker, the more its loss costs; a dot where it is not told apart from nothing."""
    if not facts.further.maps:
        raise ValueError("no model was pruned part by part and layer by layer")
    found = facts.further.maps[0]
    parts, layers, top = found.parts[::-1], found.layers, worst(found)
    mute, missing = theme().colours["mute"], theme().colours["missing"]
    for row, part in enumerate(parts):
        for column, layer in enumerate(layers):
            spot = found.spots.get((part, layer))
            shade = _shade(spot, top) if spot and isinstance(spot.nats, float) else missing
            axes.add_patch(Rectangle((column, row), 1, 1, fc=shade, ec="white", lw=style.line * 0.3))
            if spot and isinstance(spot.nats, float) and spot.apart is Verdict.UNKNOWN:
                axes.plot([column + 0.5], [row + 0.5], marker="o", ms=style.size * 0.2, mec="none", color=mute)
    axes.set(xlim=(0, len(layers)), ylim=(0, len(parts)))
    every = -(-len(layers) // MOST_TICKS)
    axes.set_xticks([c + 0.5 for c in range(0, len(layers), every)], [name(x, 8) for x in layers[::every]])
    axes.set_yticks([r + 0.5 for r in range(len(parts))], [name(part, 12) for part in parts])
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xlabel("layer")
    _scale(axes, top, style)


def worst(found: DamageMap) -> float:
    """The end of the colour scale, nats."""
    return max((nats for spot in found.known if isinstance(nats := spot.nats, float)), default=0.0)


def _shade(spot: Damage, top: float) -> str:
    nats = spot.nats if isinstance(spot.nats, float) else 0.0
    return blend("#FFFFFF", theme().colours["heat"], max(nats, 0.0) / top if top > 0 else 0.0)


def _scale(axes: Axes, top: float, style: Style) -> None:
    """Above the map: from nothing to the worst place."""
    frame = axes.inset_axes((0.55, 1.06, 0.3, 0.075))
    heat = theme().colours["heat"]
    for strip in range(STRIPS):
        colour = blend("#FFFFFF", heat, strip / (STRIPS - 1))
        frame.add_patch(Rectangle((strip / STRIPS, 0), 1 - strip / STRIPS, 1, fc=colour, ec="none"))
    frame.add_patch(Rectangle((0, 0), 1, 1, fc="none", ec=theme().colours["mute"], lw=style.line * 0.25))
    frame.set(xlim=(0, 1), ylim=(0, 1))
    frame.set_axis_off()
    small: dict[str, Any] = {"fontsize": style.size * 0.92, "va": "center"}
    frame.text(-0.04, 0.5, "0", ha="right", **small)
    frame.text(1.04, 0.5, f"{num(top, _decimals(top))} nats", ha="left", **small)


def _decimals(top: float) -> int:
    return 2 if top >= 0.1 else 3 if top >= 0.01 else 4 if top >= 0.001 else 5
