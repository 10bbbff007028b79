"""The picture of the network: every part that was pruned alone, in its place, coloured by the damage its loss did."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Rectangle

from suite.analysis.parts import Parts
from suite.analysis.values import NotMeasured
from suite.report.figures.style import Style, root
from suite.report.format import shade, times
from suite.report.theme import theme

TOWER = (("embeddings", "embeddings"), ("early", "early layers"), ("late", "late layers"), ("lm_head", "output head"))
BLOCK = (("attention", "attention"), ("mlp", "MLP"))
TALL = {"early": 1.5, "late": 1.5}  # of the height of the embeddings: they hold the layers
STRIPS = 48  # of the colour scale


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in points from the figure's lower left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def top(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


def network(axes: Axes, parts: Parts, style: Style) -> None:
    """From the words to the next one as a tower, one layer of it opened up beside; a colour scale below."""
    width, height = (72 * inches - style.size / 4 for inches in root(axes).get_size_inches())
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.set_axis_off()
    unit, floor = style.size, 2.2 * style.size
    left = 2.0 * unit if parts.tied else 0.0
    tower = _tower(axes, parts, Box(left, floor, 0.45 * (width - left), height - floor), style)
    x = tower["early"].right + 0.1 * width
    panel = Box(x, floor + 1.5 * unit, width - x - style.line, height - floor - 3.0 * unit)
    _zoom(axes, tower["early"], tower["late"], panel, style)
    _layer(axes, parts, panel, style)
    if parts.tied:
        _tie(axes, tower["embeddings"], tower["lm_head"], style)
    _scale(axes, parts, width, style)


def _tower(axes: Axes, parts: Parts, area: Box, style: Style) -> dict[str, Box]:
    """The boxes from the bottom up, evenly spaced, on the arrows of the residual stream."""
    word, gap = 1.25 * style.size, max(0.75 * style.size, 0.05 * area.height)
    unit = (area.height - 2 * word - (len(TOWER) + 1) * gap) / sum(TALL.get(part, 1.0) for part, _ in TOWER)
    y = area.y + word
    axes.text(area.x + area.width / 2, area.y + word / 2, "words so far", ha="center", va="center", color=_mute())
    boxes = {}
    for part, name in TOWER:
        box = Box(area.x, y + gap, area.width, unit * TALL.get(part, 1.0))
        _arrow(axes, (box.middle, y), (box.middle, box.y), style)
        _part(axes, parts, part, name, box, style)
        boxes[part], y = box, box.top
    _arrow(axes, (area.x + area.width / 2, y), (area.x + area.width / 2, y + gap), style)
    axes.text(area.x + area.width / 2, y + gap + word / 2, "next word", ha="center", va="center", color=_mute())
    return boxes


def _layer(axes: Axes, parts: Parts, panel: Box, style: Style) -> None:
    """Attention and the MLP read from the residual stream and add to it, one after the other (or both at once)."""
    unit, colours = style.size, theme().colours
    _rounded(axes, panel, colours["pale"], colours["line"], style)
    stream, reach = panel.x + 1.9 * unit, 1.8 * unit
    height = (panel.height - reach - 2.0 * unit) / len(BLOCK)
    _arrow(axes, (stream, panel.y - 1.0 * unit), (stream, panel.top + 1.0 * unit), style)
    title = (stream + panel.right) / 2, panel.top - 0.95 * unit
    axes.text(*title, "in every layer", ha="center", va="center", color=_mute())
    middle = (panel.x + 0.9 * unit, panel.y + panel.height / 2)
    axes.text(*middle, "residual stream", rotation=90, ha="center", va="center", color=_mute())
    for index, (part, name) in enumerate(BLOCK):
        x, y = stream + 1.8 * unit, panel.y + 1.0 * unit + index * (height + 1.0 * unit)
        box = Box(x, y, panel.right - x - 0.8 * unit, height)
        _part(axes, parts, part, name, box, style, stacked=True)
        if parts.parallel:
            _arrow(axes, (stream, box.y + height / 2), (box.x, box.y + height / 2), style, both=True)
            continue
        low, high = box.y + 0.22 * height, box.top - 0.22 * height
        _arrow(axes, (stream, low), (box.x, low), style)
        _arrow(axes, (box.x, high), (stream + 0.42 * unit, high), style)
        axes.add_patch(Circle((stream, high), 0.42 * unit, fc="white", ec=_mute(), lw=style.line * 0.4, zorder=4))
        for dx, dy in ((0.2, 0.0), (0.0, 0.2)):
            ends = ([stream - dx * unit, stream + dx * unit], [high - dy * unit, high + dy * unit])
            axes.plot(*ends, color=_mute(), lw=style.line * 0.4, zorder=5)


def _part(axes: Axes, parts: Parts, part: str, name: str, box: Box, style: Style, *, stacked: bool = False) -> None:
    """A part's box, shaded as in the table: its name, and its ratio to dense beside or below."""
    value = parts.values[part]
    _rounded(axes, box, shade(value, parts.worst), theme().colours["mute"], style)
    missing = isinstance(value, NotMeasured)
    ink = _ink(shade(value, parts.worst))
    said, colour = ("n/m", _mute()) if isinstance(value, NotMeasured) else (times(value), ink)
    weight = "normal" if missing else "bold"
    middle, pad = box.y + box.height / 2, 0.7 * style.size
    if stacked:
        axes.text(box.middle, middle + 0.65 * style.size, name, ha="center", va="center", color=ink)
        axes.text(box.middle, middle - 0.65 * style.size, said, ha="center", va="center", color=colour, weight=weight)
    else:
        axes.text(box.x + pad, middle, name, va="center", color=ink)
        axes.text(box.right - pad, middle, said, ha="right", va="center", color=colour, weight=weight)


def _zoom(axes: Axes, early: Box, late: Box, panel: Box, style: Style) -> None:
    """Two thin lines that open the layers up."""
    for start, end in ((early.y, panel.y), (late.top, panel.top)):
        x = [early.right + 0.3 * style.size, panel.x - 0.15 * style.size]
        axes.plot(x, [start, end], color=theme().colours["line"], lw=style.line * 0.4, solid_capstyle="round")


def _tie(axes: Axes, embeddings: Box, head: Box, style: Style) -> None:
    """A bracket from the embeddings to the head, which share one table in the checkpoint."""
    x, low, high = embeddings.x - 0.55 * style.size, embeddings.y + embeddings.height / 2, head.y + head.height / 2
    xs, ys = [embeddings.x, x, x, head.x], [low, low, high, high]
    axes.plot(xs, ys, color=_mute(), lw=style.line * 0.4, ls=(0, (4, 3)))
    place = (x - 0.75 * style.size, (low + high) / 2)
    axes.text(*place, "embeddings = head", rotation=90, ha="center", va="center", color=_mute())


def _scale(axes: Axes, parts: Parts, width: float, style: Style) -> None:
    """From unharmed to the darkest shade, which stands for tenfold damage and whatever is worse."""
    unit, colours = style.size, theme().colours
    top = min(max(parts.worst, 1.1), 10.0)
    end = f"{'≥ ' if parts.worst > top else ''}{times(top)}"
    y, height, right = 0.15 * unit, 1.0 * unit, width - style.line
    if parts.missing:
        axes.text(right, y + height / 2, "n/m", ha="right", va="center", color=_mute())
        right -= 1.9 * unit
        _swatch(axes, Box(right - 1.1 * unit, y, 1.1 * unit, height), colours["missing"], style)
        right -= 2.2 * unit
    axes.text(right, y + height / 2, end, ha="right", va="center")
    right -= 0.5 * unit * len(end) + 0.3 * unit
    bar = Box(max(right - 7.0 * unit, 0.3 * width), y, min(7.0 * unit, right - 0.3 * width), height)
    for strip in range(STRIPS):  # each as far as the end, so that no seam shows between them
        x = bar.x + bar.width * strip / STRIPS
        colour = shade(top ** (strip / (STRIPS - 1)), parts.worst)
        axes.add_patch(Rectangle((x, y), bar.right - x, height, fc=colour, ec="none"))
    axes.add_patch(Rectangle((bar.x, y), bar.width, height, fc="none", ec=_mute(), lw=style.line * 0.25))
    axes.text(bar.x - 0.4 * unit, y + height / 2, "1\u00d7", ha="right", va="center")
    room = (bar.x - 2.0 * unit) / unit
    said = next((text for text in ("perplexity relative to dense", "perplexity") if 0.47 * len(text) < room), "")
    axes.text(0, y + height / 2, said, va="center", color=_mute())


def _swatch(axes: Axes, box: Box, colour: str, style: Style) -> None:
    corner = (box.x, box.y)
    axes.add_patch(Rectangle(corner, box.width, box.height, fc=colour, ec=_mute(), lw=style.line * 0.25))


def _rounded(axes: Axes, box: Box, face: str, edge: str, style: Style) -> None:
    radius = f"round,pad=0,rounding_size={0.4 * style.size}"
    shape = FancyBboxPatch(
        (box.x, box.y), box.width, box.height, boxstyle=radius, fc=face, ec=edge, lw=style.line * 0.35, zorder=2
    )
    axes.add_patch(shape)


def _arrow(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], style: Style, *, both: bool = False
) -> None:
    look = f"{'<|-|>' if both else '-|>'},head_length=0.42,head_width=0.2"
    axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle=look,
            mutation_scale=style.size,
            shrinkA=0,
            shrinkB=0,
            color=_mute(),
            lw=style.line * 0.5,
            zorder=3,
        )
    )


def _ink(shade: str) -> str:
    """The ink, or white where a theme's own shade is too dark for it (relative luminance, WCAG 2)."""
    channels = [int(shade[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return theme().colours["ink"] if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.2 else "white"


def _mute() -> str:
    return theme().colours["mute"]
