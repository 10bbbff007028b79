"""A map of a network: its layers across, its parts up, a shade in each place, and the scale of the shades above."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from suite.report.figures.style import Style, name
from suite.report.theme import blend, theme

STRIPS = 32  # of the colour scale
MOST_TICKS = 16

Shade = Callable[[str, str], float | None]  # of a part and a layer: from 0 to 1, None where nothing is known


def shaded(axes: Axes, parts: Sequence[str], layers: Sequence[str], shade: Shade, style: Style) -> None:
    """The places, the first of `parts` at the top."""
    for row, part in enumerate(reversed(parts)):
        for column, layer in enumerate(layers):
            share = shade(part, layer)
            colour = theme().colours["missing"] if share is None else blend("#FFFFFF", theme().colours["heat"], share)
            axes.add_patch(Rectangle((column, row), 1, 1, fc=colour, ec="white", lw=style.line * 0.3))
    axes.set(xlim=(0, len(layers)), ylim=(0, len(parts)))
    every = -(-len(layers) // MOST_TICKS)
    axes.set_xticks([c + 0.5 for c in range(0, len(layers), every)], [name(x, 8) for x in layers[::every]])
    axes.set_yticks([r + 0.5 for r in range(len(parts))], [name(part, 12) for part in reversed(parts)])
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xlabel("layer")


def scale(axes: Axes, low: str, high: str, style: Style) -> None:
    """Above the map: what its lightest and its darkest shade stand for."""
    frame = axes.inset_axes((0.55, 1.06, 0.3, 0.075))
    heat = theme().colours["heat"]
    for strip in range(STRIPS):
        colour = blend("#FFFFFF", heat, strip / (STRIPS - 1))
        frame.add_patch(Rectangle((strip / STRIPS, 0), 1 - strip / STRIPS, 1, fc=colour, ec="none"))
    frame.add_patch(Rectangle((0, 0), 1, 1, fc="none", ec=theme().colours["mute"], lw=style.line * 0.25))
    frame.set(xlim=(0, 1), ylim=(0, 1))
    frame.set_axis_off()
    small: dict[str, Any] = {"fontsize": style.size * 0.92, "va": "center"}
    frame.text(-0.04, 0.5, low, ha="right", **small)
    frame.text(1.04, 0.5, high, ha="left", **small)
