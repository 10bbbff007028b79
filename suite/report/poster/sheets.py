"""The poster's sheets: where each section lies on 48 by 36 inches and on A0. Content is shared, geometry is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType


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
