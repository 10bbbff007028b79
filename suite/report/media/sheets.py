"""The poster's sheets: what lies where on 48 by 36 inches and on A0, and which blocks stand there: nine at most."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from suite.report.contents import Contents, Shown

MARGIN, GUTTER, GAP = 84.0, 64.0, 44.0  # points
FOOT, LINE = 352.0, 66.0  # tops of the band at the bottom and of its last line
BAR = 18.0  # height of the coloured edge at the top
TITLE = 306.0  # height of title, subtitle and byline
A0 = (2383.94, 3370.39)  # 841 by 1189 mm
EACH = 2  # blocks of a column and below the large figure, beside what was measured


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on the page, in points from its lower left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet.

    Attributes:
        panel: lies behind the answer; where the sheet is `broad`, its number stands beside its words and not above.
        frames: in the order they are filled.
        blocks: the sections in each frame that holds some; `large` is the one whose figure dominates.
    """

    width: float
    height: float
    panel: Box
    frames: Mapping[str, Box]
    blocks: Mapping[str, Sequence[Shown]]
    large: Shown | None
    broad: bool = False
    margin: float = MARGIN
    line: float = LINE
    bar: float = BAR
    foot: float = FOOT


@dataclass(frozen=True, slots=True)
class Blocks:
    """The sections that a poster has room for: the large one, and those of the left, the right, and below."""

    large: Shown | None
    left: tuple[Shown, ...]
    right: tuple[Shown, ...]
    below: tuple[Shown, ...]


def chosen(contents: Contents) -> Blocks:
    """Where each block stands: where it belongs, in the order of the sections; others fill what is left free.

    The right column is not left empty while there is a block beside what was measured, at the left.
    """
    there = [s for s in contents.sections if s.section.poster and s.section.poster.there(s.found)]
    large = next((s for s in there if s.section.poster and s.section.poster.place == "large"), None)
    if large is None and not contents.facts.models:
        large = next((s for s in there if s.key == "ticket"), None)
    rest = [shown for shown in there if shown is not large]
    found: dict[str, list[Shown]] = {"right": [], "below": [], "left": []}
    for place, held in found.items():
        held += [s for s in rest if s.section.poster and s.section.poster.place == place][:EACH]
    free = [shown for shown in rest if not any(shown in held for held in found.values())]
    for held in found.values():
        while len(held) < EACH and free:
            held.append(free.pop(0))
    if not found["right"] and found["left"]:
        found["right"].append(found["left"].pop())
    return Blocks(large, *(tuple(found[place]) for place in ("left", "right", "below")))


def landscape(width: float, height: float, contents: Contents, logo: bool) -> Sheet:
    """Three columns: the answer and the large figure in the middle, two blocks side by side below them."""
    blocks = chosen(contents)
    side, bottom, top = 0.266 * width, FOOT + 34, height - BAR - TITLE
    middle, x = width - 2 * (MARGIN + side + GUTTER), MARGIN + side + GUTTER
    hero, below = 0.405 * (top - bottom), 0.29 * (top - bottom) if blocks.below else 0.0
    panel = Box(x, top - hero, middle, hero)
    large = bottom + below + (GAP if blocks.below else 0)
    frames = _title(width, top, logo, TITLE) | {
        "left": Box(MARGIN, bottom, side, top - bottom),
        "hero": Box(x + GUTTER, panel.y + 36, middle - 2 * GUTTER, hero - 60),
        "large": Box(x, large, middle, panel.y - GAP - large),
    }
    half = (middle - GUTTER * (len(blocks.below) - 1)) / max(len(blocks.below), 1)
    for index in range(len(blocks.below)):
        frames[f"below-{index}"] = Box(x + index * (half + GUTTER), bottom, half, below)
    frames["right"] = Box(width - MARGIN - side, bottom, side, top - bottom)
    held = {"left": blocks.left, "right": blocks.right}
    held |= {f"below-{index}": (shown,) for index, shown in enumerate(blocks.below)}
    return Sheet(width, height, panel, frames | _foot(width, FOOT), held, blocks.large)


def portrait(width: float, height: float, contents: Contents, logo: bool) -> Sheet:
    """The answer and the large figure across the sheet, three columns below them."""
    blocks = chosen(contents)
    full, foot = width - 2 * MARGIN, FOOT + 44
    bottom, top = foot + 34, height - BAR - 0.8 * TITLE
    column, hero, large = (full - 2 * GUTTER) / 3, 490.0, 470.0
    panel = Box(MARGIN, top - hero, full, hero)
    below = panel.y - 2 * GAP - large
    frames = _title(width, top, logo, 0.8 * TITLE) | {
        "hero": Box(MARGIN + GUTTER, panel.y + 30, full - 2 * GUTTER, hero - 60),
        "large": Box(MARGIN, below + GAP, full, large),
    }
    for index, name in enumerate(("left", "middle", "right")):
        frames[name] = Box(MARGIN + index * (column + GUTTER), bottom, column, below - bottom)
    held = {"left": blocks.left, "middle": blocks.below, "right": blocks.right}
    if len(blocks.below) < len(blocks.left):  # where what was measured stands as well
        held |= {"left": blocks.left[:-1], "middle": (*blocks.below, blocks.left[-1])}
    return Sheet(width, height, panel, frames | _foot(width, foot), held, blocks.large, broad=True, foot=foot)


SHEETS: dict[str, Callable[[Contents, bool], Sheet]] = {
    "48x36": lambda contents, logo: landscape(3456.0, 2592.0, contents, logo),
    "a0-landscape": lambda contents, logo: landscape(A0[1], A0[0], contents, logo),
    "a0-portrait": lambda contents, logo: portrait(*A0, contents, logo),
}


def _title(width: float, top: float, logo: bool, height: float) -> dict[str, Box]:
    """The title across the sheet, and where there is one, the logo at its right."""
    room = Box(MARGIN, top + 24, width - 2 * MARGIN, height - 36)
    if not logo:
        return {"title": room}
    mark = 0.14 * room.width
    at = Box(width - MARGIN - mark, room.y + 30, mark, room.height - 40)
    return {"title": Box(room.x, room.y, room.width - mark - GUTTER, room.height), "logo": at}


def _foot(width: float, foot: float) -> dict[str, Box]:
    """The band at the bottom: limits, what made the numbers, and the references."""
    full, height = width - 2 * MARGIN, foot - LINE - 22
    limits, made = 0.31 * full, 0.30 * full
    rest = full - limits - made - 2 * GUTTER
    return {
        "limits": Box(MARGIN, LINE, limits, height),
        "made": Box(MARGIN + limits + GUTTER, LINE, made, height),
        "references": Box(MARGIN + limits + made + 2 * GUTTER, LINE, rest, height),
    }
