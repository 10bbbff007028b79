"""Figures of several lines over sparsity: targets, kinds of words, divergence from the dense model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from matplotlib.axes import Axes

from suite.analysis.kinds import KindTable
from suite.analysis.models import ModelFacts
from suite.analysis.values import NotMeasured, Number
from suite.report.figures.style import Label, Style, log_axis, markers, name, percent_axis, right_labels, series
from suite.report.theme import theme

Line = tuple[str, list[tuple[float, float]]]
MOST_LINES = 12


def targets(axes: Axes, model: ModelFacts, style: Style) -> None:
    """Perplexity relative to dense, a line for each target of the main model."""
    heat = model.heat
    if heat is None:
        raise ValueError("no two targets were pruned by one criterion")
    curves = [curve for curve in model.curves if curve.criterion == heat.criterion and curve.measured]
    lines = [(c.what, [(0.0, 1.0), *_known((p.sparsity, p.ratio) for p in c.points)]) for c in curves[:MOST_LINES]]
    values = [y for _, line in lines for _, y in line]
    _draw(axes, lines, style, (min(values) * 0.93, max(values) * 1.15), suffix="\u00d7")
    axes.set_ylabel("perplexity relative to dense (log)")


def divergence(axes: Axes, model: ModelFacts, style: Style) -> None:
    """Mean KL divergence from the dense model, for the main curve and its random control."""
    curves = [curve for curve in (model.main, model.control) if curve]
    lines = [(c.criterion, _known((p.sparsity, p.cells[0].kl) for p in c.points)) for c in curves]
    lines = [(text, [pair for pair in line if pair[1] > 0]) for text, line in lines]
    lines = [(text, line) for text, line in lines if line]
    values = [y for _, line in lines for _, y in line]
    _draw(axes, lines, style, (min(values) * 0.7, max(values) * 1.4), grey="random")
    axes.set_ylabel("KL divergence (nats, log)")


def kinds(axes: Axes, table: KindTable, style: Style) -> None:
    """Loss by kind of word, above the grammar's own where it is known."""
    lines = [(kind, _known(zip(table.sparsities, values, strict=True))) for kind, values in table.rows]
    values = [y for _, line in lines for _, y in line]
    margin = 0.06 * (max(values) - min(values)) or 1.0
    axes.set_ylim(min(0.0, min(values)) - margin, max(values) + margin)
    _draw(axes, lines, style, None)
    axes.set_ylabel("nats over floor" if table.over_floor else "loss (nats)")


def _known(pairs: Iterable[tuple[float, Number]]) -> list[tuple[float, float]]:
    return [(x, y) for x, y in pairs if not isinstance(y, NotMeasured)]


def _draw(
    axes: Axes,
    lines: Sequence[Line],
    style: Style,
    limits: tuple[float, float] | None,
    *,
    suffix: str = "",
    grey: str | None = None,
) -> None:
    """Lines with markers, named at their right ends; `limits` makes the vertical axis a log one."""
    percent_axis(axes, [x for _, line in lines for x, _ in line])
    labels = []
    for index, (text, line) in enumerate(lines):
        colour, marker = (theme().control, "X") if text == grey else series(index)
        xs, ys = zip(*line, strict=True)
        axes.plot(xs, ys, color=colour, marker=marker, markevery=markers(line), clip_on=False, zorder=3)
        labels.append(Label(line[-1][1], name(text), colour))
    if limits:
        log_axis(axes.yaxis, *limits, suffix=suffix)
    axes.grid(axis="y")
    right_labels(axes, labels, style)
