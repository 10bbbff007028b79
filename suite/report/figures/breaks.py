"""What breaks: the loss by kind of word, where pruning attention and pruning the MLP did equal damage."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

import matplotlib.ticker as ticker
from matplotlib.axes import Axes

from suite.analysis.breaks import PARTS, Breaks, Loss
from suite.report.figures.style import MARKERS, Style, root
from suite.report.theme import theme

GROUP = 0.27  # between the marks of one kind, of the 1 between kinds
SPREAD = 0.13  # over which the models of one mark lie side by side


def breaks(axes: Axes, found: Breaks, style: Style) -> None:
    """Excess over the grammar's floor: a dot for each model, dense and with each part pruned, and their mean."""
    looks = [("dense", theme().control, "X")]
    looks += [(part, theme().series[i], MARKERS[i]) for i, part in enumerate(PARTS)]
    for place, (series, colour, marker) in enumerate(looks):
        for kind_place, kind in enumerate(found.kinds):
            x = kind_place + GROUP * (place - (len(looks) - 1) / 2)
            values = [_excess(loss, series)[kind] for loss in found.losses]
            last = max(len(values) - 1, 1)
            xs = [x + SPREAD * (i / last - 0.5) for i in range(len(values))]
            label = None if kind_place else series if series == "dense" else f"{series} pruned"
            axes.plot(xs, values, color=colour, marker=marker, ls="", ms=style.line * 2.8, label=label, zorder=3)
            ends = (x - SPREAD * 0.8, x + SPREAD * 0.8)
            axes.plot(ends, [fmean(values)] * 2, color=colour, lw=style.line * 1.1, solid_capstyle="butt", zorder=2)
    axes.margins(y=0.1)
    axes.set_xlim(-0.5, len(found.kinds) - 0.5)
    axes.xaxis.set_major_locator(ticker.FixedLocator(list(range(len(found.kinds)))))
    axes.xaxis.set_major_formatter(ticker.FixedFormatter(list(found.kinds)))
    axes.tick_params(axis="x", length=0)
    axes.axhline(0.0, color=theme().colours["mute"], lw=style.line * 0.4)
    axes.grid(axis="y")
    axes.set_ylabel("nats a word over floor")
    root(axes).legend(
        loc="outside upper center", ncols=len(looks), frameon=False, handletextpad=0.1, columnspacing=1.2, borderpad=0
    )


def _excess(loss: Loss, series: str) -> Mapping[str, float]:
    """Nats a word over the floor: the dense model's, or those and what a part's loss adds."""
    if series == "dense":
        return loss.dense
    return {kind: loss.dense[kind] + added for kind, added in loss.added[series].items()}
