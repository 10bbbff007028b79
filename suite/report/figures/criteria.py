"""Which criterion moves the cliff, and at what cost: the criteria of one model side by side."""

from __future__ import annotations

from matplotlib.axes import Axes

from suite.analysis.criteria import Criteria, Line
from suite.analysis.values import NotMeasured
from suite.protocol import TOLERANCE
from suite.records.schema import Interval
from suite.report.figures.room import Place, Room
from suite.report.figures.style import (
    Label,
    Style,
    fitting_label,
    log_axis,
    markers,
    name,
    named_rows,
    percent_axis,
    right_labels,
    series,
)
from suite.report.format import dur, size
from suite.report.theme import theme

SHORTEST = 1e-3  # seconds; a log axis has no place for none
ENDS_EARLY = 0.6  # of the axis: a line that ends before it has its name at its end, not in the margin


def criteria(axes: Axes, found: Criteria, style: Style) -> None:
    """Perplexity relative to dense, a line for each criterion, and the tolerance across them."""
    drawn = [(line, [(p.sparsity, p.ratio) for p in line.curve.measured]) for line in found.lines]
    known = [(line, [(x, y) for x, y in points if isinstance(y, float)]) for line, points in drawn]
    percent_axis(axes, [x for _, points in known for x, _ in points], ticks=5)
    labels, early = [], []
    furthest = max(x for _, points in known for x, _ in points)
    for line, points in known:
        colour, marker = look(found, line)
        whole = points if line.allocation != "uniform" else [(0.0, 1.0), *points]
        dashes = (0, (2.5, 1.5)) if line.allocation != "uniform" else "-"
        marked = markers(whole)
        axes.plot(*zip(*whole, strict=True), color=colour, marker=marker, markevery=marked, ls=dashes, zorder=3)
        _intervals(axes, line, colour, style)
        if points[-1][0] < ENDS_EARLY * furthest:
            early.append((name(line.name), points[-1], colour))
        else:
            labels.append(Label(points[-1][1], name(line.name), colour))
    # Random removal may leave the axes upwards: what is compared is how the others differ.
    ys = [y for line, points in known if line.criterion != "random" for _, y in points]
    low, high = min(1.0, *ys) * 0.95, max(*ys, 1.3) * 1.15
    axes.axhline(TOLERANCE, color=theme().colours["mute"], lw=style.line * 0.35, ls=(0, (5, 4)), zorder=1)
    log_axis(axes.yaxis, low, high, suffix="\u00d7")
    axes.grid(axis="y")
    axes.set_ylabel(fitting_label(axes, "perplexity relative to dense (log)", "to dense (log)", style))
    right_labels(axes, labels, style)
    room = Room(axes, [points for _, points in known], style)
    for said, at, colour in early:
        room.put(_around(said, at, style), color=colour, fontweight="bold")


def effort(axes: Axes, found: Criteria, style: Style) -> None:
    """What it took to prune the model once: a row for each criterion, its time across and its peak memory beside it."""
    costs = [(line, line.cost.seconds, line.cost.peak) for line in found.priced]
    known = [(line, max(s, SHORTEST), p) for line, s, p in costs if isinstance(s, float) and isinstance(p, float)]
    if not known:
        raise ValueError("no time and memory of pruning were recorded")
    known.sort(key=lambda one: -one[1])  # the cheapest on top
    seconds = [s for _, s, _ in known]
    span = max(max(seconds) / min(seconds), 1.5)
    log_axis(axes.xaxis, min(seconds) / span**0.1, max(seconds) * span**0.5)  # room for what stands beside the last
    for place, (line, taken, peak) in enumerate(known):
        colour, marker = look(found, line)
        axes.plot([taken], [place], color=colour, marker=marker, ls="", ms=style.line * 3.4, zorder=3)
        axes.annotate(
            f"{dur(taken)}, {size(peak)}",
            (taken, place),
            xytext=(0.7 * style.size, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontweight="bold",
        )
    named_rows(axes, [line.name for line, *_ in known])
    axes.grid(axis="x")
    axes.set_xlabel("seconds to prune once (log), and peak memory")


def look(found: Criteria, line: Line) -> tuple[str, str]:
    """Colour and marker of a criterion's line: random removal is grey, as everywhere."""
    if line.criterion == "random":
        return theme().control, "X"
    return series([one for one in found.lines if one.criterion != "random"].index(line))


def _around(text: str, at: tuple[float, float], style: Style) -> list[Place]:
    gap = 0.6 * style.size
    places = [Place(text, at, (gap, 0)), Place(text, at, (0, gap), "center", "bottom")]
    places += [Place(text, at, (0, -gap), "center", "top"), Place(text, at, (-gap, 0), "right")]
    return [*places, Place(text, at, (gap, gap), "left", "bottom"), Place(text, at, (gap, -gap), "left", "top")]


def _intervals(axes: Axes, line: Line, colour: str, style: Style) -> None:
    for point in line.curve.coarse:
        if isinstance(interval := point.interval, Interval) and not isinstance(point.ratio, NotMeasured):
            ends = [interval.low, interval.high]
            axes.plot([point.sparsity] * 2, ends, color=colour, lw=style.line * 0.5, zorder=2)
