"""Is it universal? The one cell most models share, least harmed on top."""

from __future__ import annotations

from matplotlib.axes import Axes

from suite.analysis.location import Comparison
from suite.analysis.values import NotMeasured
from suite.records.schema import Interval
from suite.report.figures.style import Style, harm_label, log_axis, named_rows, root
from suite.report.format import times
from suite.report.theme import theme


def comparison(axes: Axes, shared: Comparison, style: Style) -> None:
    """A line from the dense model to each model's ratio, with its 95 % interval and its value."""
    found = [(c, c.ratio) for c in shared.cells]
    known = [(cell, ratio) for cell, ratio in found if not isinstance(ratio, NotMeasured)]
    room = int((root(axes).get_figheight() * 72 / style.size - 2.4) / 0.95)  # rows that do not touch
    left_out = max(len(known) - max(room, 2), 0)
    known = known[: len(known) - left_out][::-1]
    colour, mute = theme().series[0], theme().colours["mute"]
    highest = max(1.02, *(ratio for _, ratio in known))
    for row, (cell, ratio) in enumerate(known):
        axes.plot([1.0, ratio], [row, row], color=colour, lw=style.line * 1.3, solid_capstyle="butt", alpha=0.35)
        if isinstance(interval := cell.interval, Interval):
            axes.plot([interval.low, interval.high], [row, row], color=colour, lw=style.line * 0.6)
            highest = max(highest, interval.high)
        axes.plot([ratio], [row], marker="o", color=colour, zorder=3, clip_on=False)
        edge = max(ratio, interval.high if isinstance(interval, Interval) else ratio)
        axes.annotate(
            times(ratio),
            (edge, row),
            (style.size * 0.5, 0),
            textcoords="offset points",
            va="center",
            fontweight="bold",
            annotation_clip=False,
        )
    low = min(1.0, *(ratio for _, ratio in known)) * 0.995
    log_axis(axes.xaxis, low, highest * (highest / low) ** 0.08, suffix="\u00d7")
    axes.axvline(1.0, color=mute, lw=style.line * 0.4)
    named_rows(axes, [cell.model for cell, _ in known])
    harm_label(axes, left_out)
