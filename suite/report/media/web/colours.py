"""The page's colours, light and dark: the theme's, moved towards black or white only as far as reading them needs."""

from __future__ import annotations

from collections.abc import Mapping

from suite.report.tables import SHADES
from suite.report.theme import blend, theme

TEXT, GRAPHIC = 4.5, 3.0  # least contrasts of WCAG 2, levels AA: of text, and of marks that must be seen
DUSK = 0.55  # how much of a background's colour stays in the dark, so that light text can be read on it
Pair = tuple[str, str]  # light, dark
Palette = Mapping[str, Pair]


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two `#RRGGBB` (WCAG 2): 1 of equal ones, 21 of black and white."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def legible(colour: str, least: float, *grounds: str) -> str:
    """The colour, or the nearest to it on the way to black (on light grounds) or white with that contrast to each."""
    end = "#000000" if _luminance(grounds[0]) > 0.18 else "#FFFFFF"
    tried = (blend(colour, end, step / 40) for step in range(41))
    return next((found for found in tried if all(contrast(found, ground) >= least for ground in grounds)), end)


def palette() -> Palette:
    """Every colour of the page by the name that style sheet and figures call it."""
    look, c = theme(), theme().colours
    night = blend("#000000", c["navy"], 0.55)
    raised, band = blend(night, c["ice"], 0.08), blend(night, c["accent"], 0.28)  # of panels, and behind a curve

    def text(colour: str) -> Pair:
        return legible(colour, TEXT, "#FFFFFF", c["pale"], c["paleblue"]), legible(colour, TEXT, night, raised, band)

    def mark(colour: str) -> Pair:
        return colour, legible(colour, GRAPHIC, night, raised)

    pairs = {
        "ground": ("#FFFFFF", night),
        "pale": (c["pale"], raised),
        "ink": (c["ink"], blend("#FFFFFF", night, 0.08)),
        "navy": (c["navy"], legible(c["ice"], 7.0, night)),
        "mute": (text(c["mute"])[0], legible(c["mute"], 6.0, night, raised)),
        "line": (c["line"], blend(night, c["ice"], 0.28)),
        "grid": (c["grid"], blend(night, c["ice"], 0.16)),
        "paleblue": (c["paleblue"], band),
        "ice": (c["ice"], blend(night, c["ice"], 0.2)),
        "missing": (c["missing"], blend(night, c["ice"], 0.12)),
        "accent": text(c["accent"]),
        "hero": (c["navy"], blend(night, c["navy"], 0.85)),
        "amber": (legible(c["amber"], TEXT, c["navy"]),) * 2,
        **{name: text(c[name]) for name in ("coherent", "degraded", "incoherent")},
        "control": mark(look.control),
        "control-text": text(look.control),
    }
    for index, colour in enumerate(look.series):
        pairs |= {f"series-{index}": mark(colour), f"series-{index}-text": text(colour)}
    for step in range(SHADES + 1):
        share = step / SHADES
        pairs[f"shade-{step}"] = blend("#FFFFFF", c["heat"], share), blend(night, c["heat"], DUSK * share)
    return pairs


def figure_colours(found: Palette, *, text: bool) -> dict[str, str]:
    """What each of the theme's colours is called in a figure: of equal ones, a series' name comes first."""
    look = theme()
    names = {colour.lower(): name for name, colour in look.colours.items() if name in found}
    marks = {"control": look.control, **{f"series-{index}": colour for index, colour in enumerate(look.series)}}
    names |= {colour.lower(): f"{name}-text" if text else name for name, colour in reversed(marks.items())}
    return {colour: f"var(--{name})" for colour, name in {**names, "#ffffff": "ground", "#000000": "ink"}.items()}


def dusk(found: Palette, colour: str) -> str:
    """The dark counterpart of a background that has no name, as the shades of harm have none: the paler, the darker."""
    night, heat = found["ground"][1], theme().colours["heat"]
    share = min(_depth(colour) / (_depth(heat) or 1.0), 1.0)
    is_shade = contrast(blend("#FFFFFF", heat, share), colour) < 1.02
    return blend(night, heat if is_shade else colour, DUSK * share)


def _depth(colour: str) -> float:
    """How far the channel that is furthest from white is from it, 0 to 1."""
    return 1 - min(int(colour[i : i + 2], 16) for i in (1, 3, 5)) / 255


def _luminance(colour: str) -> float:
    """Relative luminance of sRGB, 0 to 1."""
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
