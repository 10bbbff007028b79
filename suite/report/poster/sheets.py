"""The poster's sheets: what lies where on 48 by 36 inches and on A0. The sections are shared, the geometry is not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

MARGIN, GUTTER, GAP = 84.0, 64.0, 44.0  # points
FOOT, LINE = 296.0, 66.0  # tops of the band at the bottom and of its last line
BAR = 18.0  # height of the coloured edge at the top
TITLE = 306.0  # height of title, subtitle and byline
FURTHER = (
    "ticket",
    "criteria",
    "recovery",
    "rounding",
    "structure",
)  # what comes first has its place before the others
A0 = (2383.94, 3370.39)  # 841 by 1189 mm


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on the page, in points from its lower left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Page:
    """One sheet: `frames` in the order they are filled, and the `sections` that each of them holds.

    `panel` lies behind the takeaway; where `broad`, its number stands beside its words and not above them.
    """

    width: float
    height: float
    panel: Box
    frames: Mapping[str, Box]
    sections: Mapping[str, Sequence[str]]
    foot: float
    broad: bool = False
    margin: float = MARGIN
    line: float = LINE
    bar: float = BAR


def landscape(width: float, height: float, there: Collection[str], logo: bool) -> Page:
    """Three columns: the takeaway and the cliff in the middle, up to two sections side by side below them."""
    extras, third = _further(there, beside=2)
    side, bottom, top = 0.266 * width, FOOT + 34, height - BAR - TITLE
    middle, x = width - 2 * (MARGIN + side + GUTTER), MARGIN + side + GUTTER
    located = "lives" in there
    sections = {
        "left": [
            "why",
            "measured",
            "ahead",
            "price",
            *third,
            *(["says"] if located else ["cliff_numbers"]),
            "first_study",
        ],
        "right": ["lives", "map", "universal", "limits"]
        if located
        else ["says", "numbers", "map", "universal", "asked", *([] if "early" in there else ["survivors"]), "limits"],
    }
    beside = ["storage", "forgotten", "faster"] if "early" not in there else ["early", "survivors"]
    pair = [*extras, *(name for name in beside if name in there)][:2]
    hero, below = 0.405 * (top - bottom), 0.29 * (top - bottom) if pair else 0.0
    panel = Box(x, top - hero, middle, hero)
    cliff = bottom + below + (GAP if pair else 0)
    frames = _title(width, top, logo, TITLE) | {
        "left": Box(MARGIN, bottom, side, top - bottom),
        "hero": Box(x + GUTTER, panel.y + 36, middle - 2 * GUTTER, hero - 60),
        "cliff": Box(x, cliff, middle, panel.y - GAP - cliff),
    }
    half = (middle - GUTTER * (len(pair) - 1)) / max(len(pair), 1)
    for index, name in enumerate(pair):
        frames[name] = Box(x + index * (half + GUTTER), bottom, half, below)
    frames["right"] = Box(width - MARGIN - side, bottom, side, top - bottom)
    sections |= {name: [name] for name in pair}
    return _page(width, height, panel, frames | _foot(width, 0.36, FOOT), sections, there, FOOT)


def portrait(width: float, height: float, there: Collection[str], logo: bool) -> Page:
    """The takeaway and the cliff across the sheet, three columns below them."""
    extras, third = _further(there, beside=2)
    first = next((name for name in (*extras[:1], "early", "storage") if name in there), "storage")
    second = next((name for name in (*extras[1:], "survivors", "forgotten") if name in there), "forgotten")
    full, foot = width - 2 * MARGIN, FOOT + 44
    bottom, top = foot + 34, height - BAR - 0.8 * TITLE
    column, hero, cliff = (full - 2 * GUTTER) / 3, 490.0, 470.0
    panel = Box(MARGIN, top - hero, full, hero)
    below = panel.y - 2 * GAP - cliff
    frames = _title(width, top, logo, 0.8 * TITLE) | {
        "hero": Box(MARGIN + GUTTER, panel.y + 30, full - 2 * GUTTER, hero - 60),
        "cliff": Box(MARGIN, below + GAP, full, cliff),
    }
    for index, name in enumerate(("left", "middle", "right")):
        frames[name] = Box(MARGIN + index * (column + GUTTER), bottom, column, below - bottom)
    located = "lives" in there
    sections = {
        "left": ["why", "measured", "price", first],
        "middle": ["says", second, "limits"] if located else ["ahead", "cliff_numbers", "numbers", second],
        "right": ["lives", "map", *third, "universal"]
        if located
        else ["says", "map", *third, "universal", "first_study", "asked", "limits"],
    }
    return _page(width, height, panel, frames | _foot(width, 0.46, foot), sections, there, foot, broad=True)


SHEETS: dict[str, Callable[[Collection[str], bool], Page]] = {
    "48x36": lambda there, logo: landscape(3456.0, 2592.0, there, logo),
    "a0-landscape": lambda there, logo: landscape(A0[1], A0[0], there, logo),
    "a0-portrait": lambda there, logo: portrait(*A0, there, logo),
}


def _further(there: Collection[str], beside: int) -> tuple[list[str], list[str]]:
    """The sections on more than plain pruning: those that have a place of their own, and a last one for a column."""
    found = [name for name in FURTHER if name in there]
    return found[:beside], found[beside : beside + 1]


def _title(width: float, top: float, logo: bool, height: float) -> dict[str, Box]:
    """The title across the sheet, and where there is one, the logo at its right."""
    room = Box(MARGIN, top + 24, width - 2 * MARGIN, height - 36)
    if not logo:
        return {"title": room}
    mark = 0.14 * room.width
    at = Box(width - MARGIN - mark, room.y + 30, mark, room.height - 40)
    return {"title": Box(room.x, room.y, room.width - mark - GUTTER, room.height), "logo": at}


def _foot(width: float, share: float, foot: float) -> dict[str, Box]:
    """The band at the bottom: what made the numbers, and the references."""
    made = share * (width - 2 * MARGIN)
    return {
        "made": Box(MARGIN, LINE, made, foot - LINE - 22),
        "references": Box(MARGIN + made + GUTTER, LINE, width - 2 * MARGIN - made - GUTTER, foot - LINE - 22),
    }


def _page(
    width: float,
    height: float,
    panel: Box,
    frames: Mapping[str, Box],
    sections: Mapping[str, Sequence[str]],
    there: Collection[str],
    foot: float,
    broad: bool = False,
) -> Page:
    """A page whose columns hold the sections that are there; every other frame holds the one of its name."""
    held = {name: tuple(s for s in sections.get(name, [name]) if name not in sections or s in there) for name in frames}
    return Page(width, height, panel, MappingProxyType(dict(frames)), MappingProxyType(held), foot, broad)
