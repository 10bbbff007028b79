"""The cliff: perplexity against sparsity, with random removal and the scores a model must beat beside it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from matplotlib.axes import Axes

from suite.analysis.curves import Curve
from suite.analysis.models import ModelFacts
from suite.analysis.points import Point
from suite.analysis.recorded import Recorded
from suite.analysis.values import NotMeasured
from suite.protocol import TOLERANCE
from suite.pruning.criteria import criterion_label
from suite.records.schema import Interval
from suite.report.figures.room import Place, Room
from suite.report.figures.style import (
    MARKERS,
    Label,
    Style,
    fitting_label,
    log_axis,
    markers,
    percent_axis,
    right_labels,
)
from suite.report.format import pct, sig
from suite.report.theme import theme

Series = list[tuple[float, float]]


def cliff(axes: Axes, model: ModelFacts, within: Point | None, values: Recorded | None, style: Style) -> None:
    """A model's main curve, the largest point `within` the tolerance, and `values` recorded before this suite."""
    colours = theme().colours
    dense = model.dense_perplexity
    if model.main is None or isinstance(dense, NotMeasured):
        raise ValueError("there is no curve to draw")
    curves = [(model.main, theme().series[0], MARKERS[0])]
    curves += [(model.control, theme().control, "X")] if model.control else []
    recorded = _recorded(values)
    if within:
        axes.axvspan(0, within.sparsity, color=colours["paleblue"], lw=0, zorder=0)
    lines = []
    for curve, colour, marker in curves:
        line = [(0.0, dense), *_line(curve)]
        marked = markers(line)
        axes.plot(*zip(*line, strict=True), color=colour, marker=marker, markevery=marked, clip_on=False, zorder=3)
        _whiskers(axes, curve, dense, colour, style)
        lines.append(line)
    percent_axis(axes, [p.sparsity for curve, *_ in curves for p in curve.points] + [x for x, _ in recorded])
    references = _references(model)
    ys = [y for line in (*lines, recorded) for _, y in line] + [y for _, y in references]
    log_axis(axes.yaxis, min(ys) * 0.9, max(ys) * 1.12)
    labels = [Label(lines[0][-1][1], criterion_label(model.main.criterion), theme().series[0])]
    for text, y in references:
        axes.axhline(y, color=colours["mute"], lw=style.line * 0.35, ls=(0, (5, 4)), zorder=1)
        labels.append(Label(y, f"{text}, {sig(y, 3)}", colours["mute"], bold=False))
    right_labels(axes, labels, style)
    axes.grid(axis="y")
    axes.set_ylabel(fitting_label(axes, "perplexity (log, lower is better)", "perplexity (log)", style))
    if recorded:  # never joined: nothing is known of what lies between them
        edge: dict[str, Any] = {"mec": colours["mute"], "mew": style.line * 0.5}
        axes.plot(*zip(*recorded, strict=True), ls="", marker="D", mfc="white", clip_on=False, zorder=4, **edge)
    if within:
        axes.axvline(within.sparsity, color=colours["accent"], lw=style.line * 0.4, zorder=1)
    _name(axes, model, within, values, [*lines, *([pair] for pair in recorded)], style)


def _name(
    axes: Axes,
    model: ModelFacts,
    within: Point | None,
    values: Recorded | None,
    lines: list[Series],
    style: Style,
) -> None:
    """What the figure's other marks are, each where its name covers nothing."""
    control, colours = model.control, theme().colours
    ends, (left, right) = axes.get_ylim(), axes.get_xlim()
    across = [[(left, y), (right, y)] for _, y in _references(model)]
    down = [[(within.sparsity, y) for y in ends]] if within else []
    room, gap = Room(axes, [*lines, *across, *down], style), 0.5 * style.size
    if within:
        said = f"{pct(within.sparsity)}: largest\nmeasured within\n{pct(TOLERANCE - 1)} of dense"
        sides = [(gap, "left"), (-gap, "right")][:: -1 if within.sparsity > 0.55 * right else 1]
        heights = [ends[0] * (ends[1] / ends[0]) ** share for share in (0.56, 0.66, 0.46, 0.76, 0.86, 0.36)]
        places = [Place(said, (within.sparsity, y), (dx, 0), ha) for dx, ha in sides for y in heights]
        room.put(places, color=colours["accent"], linespacing=1.15)
    if control:
        texts = [criterion_label(control.criterion)]
        if control.seeds > 1:
            ways = ("{} (mean of {} seeds)", "{}\n(mean of {} seeds)", "{}\n(mean of\n{} seeds)")
            texts = [way.format(criterion_label(control.criterion), control.seeds) for way in ways]
        room.put(_beside(lines[1][-1], texts, style), color=theme().control, fontweight="bold", linespacing=1.1)
    if values:
        texts = [f"recorded,{between}{values.short}" for between in (" ", "\n")]
        marks = _recorded(values)[::-1]
        room.put([place for mark in marks for place in _beside(mark, texts, style)], color=colours["mute"])


def _beside(at: tuple[float, float], texts: Iterable[str], style: Style) -> list[Place]:
    """Around a mark: first above it, then to its sides."""
    gap, found = 0.5 * style.size, []
    for text in texts:
        found += [Place(text, at, (0, gap), "left", "bottom"), Place(text, at, (1.4 * gap, 0))]
        found += [Place(text, at, (-1.4 * gap, 0), "right"), Place(text, at, (0, gap), "center", "bottom")]
        found += [Place(text, at, (0, gap), "right", "bottom"), Place(text, at, (0, -gap), "left", "top")]
        found += [Place(text, at, (-1.5 * gap, gap), "center", "bottom")]
    return found


def _recorded(values: Recorded | None) -> Series:
    return [(column.sparsity, column.perplexity) for column in values.columns] if values else []


def _line(curve: Curve) -> Series:
    return [(p.sparsity, y) for p in curve.measured if not isinstance(y := p.perplexity, NotMeasured)]


def _whiskers(axes: Axes, curve: Curve, dense: float, colour: str, style: Style) -> None:
    """95 % interval over the text for a single run, smallest and largest for several seeds."""
    for point in (p for p in curve.coarse if p.measured):
        low, high = _range(point, dense)
        axes.plot([point.sparsity] * 2, [low, high], color=colour, lw=style.line * 0.6, zorder=2, clip_on=False)


def _range(point: Point, dense: float) -> tuple[float, float]:
    interval = point.interval
    if isinstance(interval, Interval):
        return interval.low * dense, interval.high * dense
    return point.spread


def _references(model: ModelFacts) -> list[tuple[str, float]]:
    quality = model.reference
    if isinstance(quality, NotMeasured):
        return []
    found = [("uniform guess", quality.uniform), ("word counts alone", quality.unigram)]
    return found + ([("the grammar itself", quality.floor)] if quality.floor else [])
