"""Where the ticket lives: damage by target when every target loses the same number of weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

from matplotlib.axes import Axes

from suite.analysis.location import Ranking, ranked_targets
from suite.analysis.values import NotMeasured
from suite.records.schema import Interval
from suite.report.figures.style import Style, harm_label, legend_above, log_axis, name, named_rows, series
from suite.report.format import times
from suite.report.theme import theme

MOST_MODELS = 8


def ranking(axes: Axes, found: Sequence[Ranking], style: Style) -> None:
    """A row for each target, most harmful on top; a mark for each model, with its 95 % interval."""
    models = found[:MOST_MODELS]
    harm = {what: mean for what in ranked_targets(found) if (mean := _mean_log(found, what)) is not None}
    rows = sorted(harm, key=lambda what: (harm[what], what))
    seen = [1.0]
    for index, model in enumerate(models):
        shift = 0.0 if len(models) == 1 else 0.62 * (0.5 - index / (len(models) - 1))
        seen += _marks(axes, model, rows, shift, series(index), style)
    log_axis(axes.xaxis, min(seen) * 0.97, max(seen) * (1.06 if len(models) > 1 else 1.15), suffix="\u00d7")
    harm_label(axes, left_out=len(found) - len(models))
    axes.axvline(1.0, color=theme().colours["mute"], lw=style.line * 0.4)
    named_rows(axes, rows)
    for row in range(0, len(rows), 2):
        axes.axhspan(row - 0.5, row + 0.5, color=theme().colours["pale"], lw=0, zorder=0)
    if len(models) > 1:
        legend_above(axes, [name(model.model) for model in models], style)
    else:
        _values(axes, models[0], rows, style)


def _marks(
    axes: Axes, model: Ranking, rows: Sequence[str], shift: float, look: tuple[str, str], style: Style
) -> list[float]:
    """One model's marks, a little above or below the middle of their rows; returns the values drawn."""
    colour, marker = look
    points: list[tuple[float, float]] = []
    seen: list[float] = []
    for row, what in enumerate(rows):
        cell = model.cell(what)
        if cell is None or isinstance(ratio := cell.ratio, NotMeasured):
            continue
        points.append((ratio, row + shift))
        if isinstance(interval := cell.interval, Interval):
            ends = [max(interval.low, 1e-3), interval.high]
            axes.plot(ends, [row + shift] * 2, color=colour, lw=style.line * 0.5, zorder=2)
            seen += ends
    if points:
        axes.plot(*zip(*points, strict=True), color=colour, marker=marker, ls="", label=name(model.model), zorder=3)
    return seen + [ratio for ratio, _ in points]


def _values(axes: Axes, model: Ranking, rows: Sequence[str], style: Style) -> None:
    """With a single model there is room for its numbers."""
    for row, what in enumerate(rows):
        cell = model.cell(what)
        if cell is not None and not isinstance(ratio := cell.ratio, NotMeasured):
            offset = (style.size * 0.6, 0)
            axes.annotate(times(ratio), (ratio, row), offset, textcoords="offset points", va="center")


def _mean_log(found: Sequence[Ranking], what: str) -> float | None:
    """The mean over models of the log ratio: what the rows are sorted by."""
    cells = [ranking.cell(what) for ranking in found]
    ratios = [cell.ratio for cell in cells if cell is not None]
    known = [math.log(ratio) for ratio in ratios if not isinstance(ratio, NotMeasured)]
    return fmean(known) if known else None
