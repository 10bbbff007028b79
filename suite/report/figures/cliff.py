"""The cliff: perplexity against sparsity, with random removal and the scores a model must beat beside it."""

from __future__ import annotations

from matplotlib.axes import Axes

from suite.analysis.curves import Curve
from suite.analysis.facts import Facts
from suite.analysis.points import Point
from suite.analysis.values import NotMeasured
from suite.records.schema import Interval
from suite.report.figures.style import MARKERS, Label, Style, log_axis, markers, percent_axis, right_labels
from suite.report.format import pct, sig
from suite.report.theme import theme

Series = list[tuple[float, float]]


def cliff(axes: Axes, facts: Facts, style: Style) -> None:
    """The main model's curve; call it only where one was measured."""
    model, colours = facts.main, theme().colours
    dense = model.dense_perplexity
    if model.main is None or isinstance(dense, NotMeasured):
        raise ValueError("there is no curve to draw")
    start = [(0.0, dense)]
    curves = [(model.main, theme().series[0], MARKERS[0])]
    curves += [(model.control, theme().control, "X")] if model.control else []
    ys = [dense]
    labels: list[Label] = []
    within = facts.headline.within
    if within:
        axes.axvspan(0, within.sparsity, color=colours["paleblue"], lw=0, zorder=0)
    for curve, colour, marker in curves:
        line = start + _line(curve)
        ys += [y for _, y in line]
        marked = markers(line)
        axes.plot(*zip(*line, strict=True), color=colour, marker=marker, markevery=marked, clip_on=False, zorder=3)
        _whiskers(axes, curve, dense, colour, style)
        if curve is model.main:
            labels.append(Label(line[-1][1], curve.criterion, colour))
        else:
            seeds = f" (mean of {curve.seeds} seeds)" if curve.seeds > 1 else ""
            axes.annotate(
                f"{curve.criterion}{seeds}",
                line[-1],
                (0, style.size * 0.45),
                textcoords="offset points",
                va="bottom",
                color=colour,
                fontweight="bold",
            )
    percent_axis(axes, [p.sparsity for curve, *_ in curves for p in curve.points])
    references = _references(facts)
    ys += [y for y, _ in references]
    log_axis(axes.yaxis, min(ys) * 0.9, max(ys) * 1.12)
    for y, text in references:
        axes.axhline(y, color=colours["mute"], lw=style.line * 0.35, ls=(0, (5, 4)), zorder=1)
        labels.append(Label(y, f"{text}, {sig(y, 3)}", colours["mute"], bold=False))
    right_labels(axes, labels, style)
    if within:
        _mark(axes, facts, within, style)
    axes.grid(axis="y")
    axes.set_ylabel("perplexity (log, lower is better)")


def _mark(axes: Axes, facts: Facts, within: Point, style: Style) -> None:
    """The headline's place on the curve, named on the side where there is room."""
    accent = theme().colours["accent"]
    axes.axvline(within.sparsity, color=accent, lw=style.line * 0.4, zorder=1)
    left = within.sparsity > 0.55 * axes.get_xlim()[1]
    axes.annotate(
        f"{pct(within.sparsity)}: largest\nmeasured within\n{pct(facts.tolerance - 1)} of dense",
        (within.sparsity, 0.56),
        ((-0.5 if left else 0.5) * style.size, 0),
        xycoords=axes.get_xaxis_transform(),
        textcoords="offset points",
        ha="right" if left else "left",
        va="center",
        color=accent,
        linespacing=1.15,
    )


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


def _references(facts: Facts) -> list[tuple[float, str]]:
    quality = facts.main.reference
    if isinstance(quality, NotMeasured):
        return []
    found = [(quality.uniform, "uniform guess"), (quality.unigram, "word counts alone")]
    return found + ([(quality.floor, "the grammar itself")] if quality.floor else [])
