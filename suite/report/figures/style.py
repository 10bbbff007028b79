"""What all figures share: type, lines, colours, scales, and labels that stand beside what they name."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib.ticker as ticker
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from suite.analysis.points import coarse
from suite.models.catalogue import model_title
from suite.report.fonts import font_files
from suite.report.glyphs import drawable, shorten
from suite.report.theme import theme

MARKERS = ("o", "^", "s", "D", "v", "P", "X")
NAME = 24  # characters of a name
FEW_ROWS = 4


@dataclass(frozen=True, slots=True)
class Style:
    """The scale of a document's figures: type size and line width in points."""

    size: float
    line: float


@dataclass(frozen=True, slots=True)
class Label:
    """A name beside the end of what it names; `y` in data units."""

    y: float
    text: str
    colour: str
    bold: bool = True


def _family() -> list[str]:
    """The families of the figures' type: the theme's sans, and one with wide coverage behind it."""
    files = font_files()
    return [_added(files["Sans"], files["Sans-Bold"], files["Sans-Italic"]), _added(files["Wide"])]


@cache
def _added(*files: Path) -> str:
    for file in files:
        font_manager.fontManager.addfont(file)
    return font_manager.get_font(files[0]).family_name


def settings(style: Style) -> dict[Any, Any]:
    """The matplotlib settings of a style: outlines stay type, and no text is taken for a formula."""
    colours = theme().colours
    return {
        "pdf.fonttype": 42,
        "pdf.compression": 6,
        "text.parse_math": False,
        "font.family": _family(),
        "font.size": style.size,
        "axes.labelsize": style.size,
        "xtick.labelsize": style.size * 0.92,
        "ytick.labelsize": style.size * 0.92,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": style.line * 0.4,
        "axes.axisbelow": True,
        "lines.linewidth": style.line,
        "lines.markersize": style.line * 2.9,
        "lines.markeredgewidth": style.line * 0.3,
        "lines.markeredgecolor": "white",
        "grid.linewidth": style.line * 0.25,
        "grid.color": colours["grid"],
        **{f"{axis}tick.major.width": style.line * 0.4 for axis in "xy"},
        **{f"{axis}tick.major.size": style.size * 0.25 for axis in "xy"},
        **{f"{axis}tick.color": colours["mute"] for axis in "xy"},
        "axes.edgecolor": colours["mute"],
        "axes.labelcolor": colours["ink"],
        "text.color": colours["ink"],
    }


def series(index: int) -> tuple[str, str]:
    """Colour and marker of the n-th thing drawn; markers shift once colours repeat, so that no pair does."""
    colours = theme().series
    return colours[index % len(colours)], MARKERS[(index + index // len(colours)) % len(MARKERS)]


def root(axes: Axes) -> Figure:
    """The figure the axes stand on."""
    figure = axes.get_figure(root=True)
    if figure is None:
        raise ValueError("the axes stand on no figure")
    return figure


def arrange(figure: Figure) -> None:
    """Give the figure's axes their places, as its layout engine does before the figure is drawn."""
    if engine := figure.get_layout_engine():
        engine.execute(figure)


def keep_labels_inside(figure: Figure) -> None:
    """Move the label of an axis along it where the edge of the figure would cut it off."""
    for axes in figure.axes:
        for label, along in ((axes.xaxis.label, 0), (axes.yaxis.label, 1)):
            extent = label.get_window_extent()
            start, end, edge = extent.min[along], extent.max[along], figure.bbox.max[along]
            if label.get_text() and (start < 0 or end > edge):
                x, y = label.get_position()
                shift = max(-start, min(edge - end, 0.0)) / axes.bbox.size[along]
                label.set_position((x, y + shift) if along else (x + shift, y))


def markers(line: Sequence[tuple[float, float]]) -> list[int]:
    """Which points of a line over sparsities carry a marker: not every one that a search put close to another."""
    wanted = coarse(x for x, _ in line)
    return [index for index, (x, _) in enumerate(line) if x in wanted]


def name(text: str, most: int = NAME) -> str:
    """A name from the data as a figure can print it."""
    return shorten(drawable(model_title(text)), most)


def percent_axis(axes: Axes, values: Sequence[float], ticks: int = 8) -> None:
    """A horizontal axis of sparsities, from the dense model to the largest, with so many ticks at most."""
    axes.set_xlim(-0.01, max(values) * 1.03 + 0.005)
    axes.xaxis.set_major_locator(ticker.MaxNLocator(nbins=ticks, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(ticker.PercentFormatter(1, decimals=0, symbol="\u00a0%"))
    axes.set_xlabel("weights removed")


def log_axis(axis: Any, low: float, high: float, suffix: str = "", steps: Sequence[float] = ()) -> None:
    """Plain numbers on a log axis, as many as the range leaves room for; or these of each power of ten."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.axes.set(**{f"{axis.axis_name}lim": (low, high)})
    spans = ((5, (1, 1.5, 2, 3)), (40, (1, 2, 3, 5)), (500, (1, 2, 5)), (5000, (1, 3)))
    steps = steps or next((steps for span, steps in spans if high / low < span), (1,))
    ticks = [s * 10.0**e for e in range(-6, 12) for s in steps]
    narrow = high / low < 2.5
    axis.set_major_locator(
        ticker.MaxNLocator(4) if narrow else ticker.FixedLocator([t for t in ticks if low <= t <= high])
    )
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:,.6g}{suffix}"))
    axis.set_minor_locator(ticker.NullLocator())


def fitting_label(axes: Axes, full: str, short: str, style: Style, share: float = 1.0) -> str:
    """The label of a vertical axis: the short one where the full one would be longer than the axis, nearly.

    Args:
        share: of the figure's height that is the axes'.
    """
    height = root(axes).get_figheight() * 72 * 0.75 * share
    return full if 0.46 * style.size * len(full) < height else short


def harm_label(axes: Axes, left_out: int = 0) -> None:
    """The horizontal axis of ratios to dense, saying how many models the figure has no room for."""
    if left_out:  # set from the right, as it may be wider than the axes
        axes.set_xlabel(f"relative to dense (log); {left_out} models not drawn", loc="right")
    else:
        axes.set_xlabel("perplexity relative to dense (log)")


def named_rows(axes: Axes, names: Sequence[str]) -> None:
    """Rows instead of a vertical axis, the first at the bottom. A few leave each name room for two lines."""
    lines = 2 if len(names) <= FEW_ROWS else 1
    axes.set_yticks(range(len(names)), [_on_lines(model_title(text), lines) for text in names])
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _on_lines(text: str, lines: int) -> str:
    """A name on so many lines at most, broken between words; shortened where it does not fit."""
    broken = textwrap.wrap(text, NAME, break_long_words=False, break_on_hyphens=False)
    fits = len(broken) <= lines and all(len(line) <= NAME for line in broken)
    return "\n".join(map(drawable, broken)) if fits else name(text)


def legend_above(axes: Axes, names: Sequence[str], style: Style) -> None:
    """The marks of the axes above them, in as many columns as the widest name leaves room for."""
    size = 0.92 * style.size
    widest = max(_width(axes, text, size) for text in names) + 2.1 * style.size
    columns = int(root(axes).get_figwidth() * 72 / widest)
    root(axes).legend(
        loc="outside upper center",
        ncols=max(1, min(len(names), columns)),
        frameon=False,
        handletextpad=0.1,
        columnspacing=0.8,
        borderpad=0,
        fontsize=size,
    )


def _width(axes: Axes, text: str, size: float) -> float:
    """How wide a text is, in points: what is not Latin is twice as wide as what is."""
    trial = axes.text(0, 0, text, fontsize=size)
    width = trial.get_window_extent().width * 72 / root(axes).dpi
    trial.remove()
    return float(width)


def right_labels(axes: Axes, labels: Iterable[Label], style: Style, share: float = 0.8) -> None:
    """Names in the right margin, pushed apart where they would touch, in the order of what they name.

    Args:
        share: of the figure's height that is the axes', nearly.
    """
    transform = axes.transData
    height = root(axes).get_figheight() * 72 * share
    gap = style.size * 1.12 / height
    placed = sorted(
        ((float(axes.transAxes.inverted().transform(transform.transform((1, label.y)))[1]), label) for label in labels),
        key=lambda pair: (pair[0], pair[1].text),
    )
    heights = [min(max(y, 0.0), 1.0) for y, _ in placed]
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + gap)
    ceiling = 1.0
    for i in reversed(range(len(heights))):
        heights[i] = min(heights[i], ceiling)
        ceiling = heights[i] - gap
    for y, (_, label) in zip(heights, placed, strict=True):
        axes.annotate(
            label.text,
            (1.0, y),
            xycoords="axes fraction",
            xytext=(style.size * 0.4, 0),
            textcoords="offset points",
            va="center",
            color=label.colour,
            fontweight="bold" if label.bold else "normal",
            annotation_clip=False,
        )
