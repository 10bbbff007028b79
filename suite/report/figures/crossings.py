"""Where each model breaks: the sparsity at which perplexity passes the factors, the longest to last on top."""

from __future__ import annotations

from matplotlib.axes import Axes

from suite.analysis.crossings import Broken, Crossings
from suite.analysis.points import Crossing
from suite.report.figures.style import MARKERS, Style, named_rows, percent_axis, root
from suite.report.format import pct
from suite.report.theme import theme

MOST_ROWS = 10


def crossings(axes: Axes, found: Crossings, main: str, style: Style) -> None:
    """A row for each model, a mark for each factor: between which sparsities, and how sure the text makes it.

    The row of the model `main` is in bold.
    """
    several = len(found.factors) > 1
    room = int(root(axes).get_figheight() * 72 / style.size - (3.9 if several else 2.5))
    rows = _chosen(found.rows, main, min(max(room, 2), MOST_ROWS))
    looks = dict(zip(found.factors, zip(theme().series, MARKERS, strict=False), strict=False))
    for place, row in enumerate(rows):
        for crossing in row.reached:
            _mark(axes, crossing, row.searched, place, looks[crossing.factor], style)
        if row.open:
            _open(axes, row, place, looks[row.open.factor][0], style)
        if not several:
            _value(axes, row, place, style)
    percent_axis(axes, [row.searched * (1.06 if row.open else 1.0) for row in rows])
    named_rows(axes, [row.model for row in rows])
    for label, row in zip(axes.get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if row.model == main else "normal")
    for place in range(0, len(rows), 2):
        axes.axhspan(place - 0.5, place + 0.5, color=theme().colours["pale"], lw=0, zorder=0)
    said = "weights removed" if several else f"weights removed as perplexity passes {found.factors[0]:g}\u00d7 dense"
    axes.set_xlabel(said, loc="right")
    if left_out := len(found.rows) - len(rows):
        axes.set_xlabel(f"weights removed; {left_out} models not drawn", loc="right")
    if several:
        _legend(axes, looks, style)


def _chosen(rows: tuple[Broken, ...], main: str, most: int) -> list[Broken]:
    """At most so many rows, first to break at the bottom: the main model's, and others evenly from end to end."""
    if len(rows) <= most:
        return list(rows)
    kept = [round(i * (len(rows) - 1) / (most - 1)) for i in range(most)]
    own = next((index for index, row in enumerate(rows) if row.model == main), kept[0])
    nearest = min(range(most), key=lambda i: abs(kept[i] - own))
    kept[nearest] = own
    return [rows[index] for index in sorted(kept)]


def _mark(axes: Axes, crossing: Crossing, searched: float, y: int, look: tuple[str, str], style: Style) -> None:
    """A thin bar for what the text leaves open, a thick one for what was not searched, and a mark in its middle."""
    colour, marker = look
    below, above = crossing.below, searched if crossing.above is None else crossing.above
    if crossing.certain_below is not None:
        high = searched if crossing.certain_above is None else crossing.certain_above
        ends = [crossing.certain_below, high]
        axes.plot(ends, [y, y], color=colour, lw=style.line * 0.6, solid_capstyle="butt", clip_on=False, zorder=2)
    axes.plot([below, above], [y, y], color=colour, lw=style.line * 1.8, alpha=0.35, clip_on=False, zorder=2)
    axes.plot([(below + above) / 2], [y], color=colour, marker=marker, clip_on=False, zorder=3)


def _open(axes: Axes, row: Broken, y: int, colour: str, style: Style) -> None:
    """An arrow on from the largest sparsity that was measured: the factor was not reached up to there."""
    arrow = {"arrowstyle": "<|-", "color": colour, "lw": style.line * 0.6, "shrinkA": 0, "shrinkB": 0}
    arrow |= {"mutation_scale": style.size * 0.6}
    length = (style.size * 1.1, 0)
    axes.annotate("", (row.searched, y), length, textcoords="offset points", arrowprops=arrow, annotation_clip=False)


def _value(axes: Axes, row: Broken, y: int, style: Style) -> None:
    """With a single factor there is room for its number, left of its mark."""
    first = row.first
    if first.above is None:
        said, left = f"> {pct(row.searched)}", row.searched
    else:
        left = min(first.below, first.below if first.certain_below is None else first.certain_below)
        said = f"{100 * first.below:.0f} to {pct(first.above)}"
    offset = (-0.7 * style.size, 0)
    axes.annotate(said, (left, y), offset, textcoords="offset points", ha="right", va="center", fontweight="bold")


def _legend(axes: Axes, looks: dict[float, tuple[str, str]], style: Style) -> None:
    for factor, (colour, marker) in looks.items():
        axes.plot([], [], color=colour, marker=marker, ls="", label=f"{factor:g}\u00d7 dense")
    root(axes).legend(
        loc="outside upper center", ncols=len(looks), frameon=False, handletextpad=0.1, columnspacing=1.2, borderpad=0
    )
