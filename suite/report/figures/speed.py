"""Did it get faster? Decode speed of pruned models beside the dense one's, on the same machine."""

from __future__ import annotations

from matplotlib.axes import Axes

from suite.analysis.speed import SpeedTable
from suite.protocol import SPEED_MARGIN
from suite.report.figures.style import Style, percent_axis
from suite.report.format import pct
from suite.report.theme import theme


def speed(axes: Axes, table: SpeedTable, style: Style) -> None:
    """Median and quartiles by sparsity; the band is the margin within which speeds count as equal."""
    colours, dense = theme().colours, table.dense.median
    percent_axis(axes, [row.cell.sparsity for row in table.rows])
    axes.axhspan(dense * (1 - SPEED_MARGIN), dense * (1 + SPEED_MARGIN), color=colours["paleblue"], lw=0)
    axes.axhline(dense, color=colours["mute"], lw=style.line * 0.35, ls=(0, (5, 4)))
    for row in table.rows:
        x, colour = row.cell.sparsity, theme().series[0] if row.cell.sparsity else colours["ink"]
        axes.plot([x, x], row.decode.quartiles, color=colour, lw=style.line * 0.8, clip_on=False)
        axes.plot([x], [row.decode.median], marker="o", color=colour, zorder=3, clip_on=False)
    highest = max(row.decode.quartiles[1] for row in table.rows)
    axes.set_ylim(0, highest * 1.22)
    axes.text(
        0.99,
        0.98,
        f"band: dense \u00b1\u00a0{pct(SPEED_MARGIN)}",
        transform=axes.transAxes,
        ha="right",
        va="top",
        color=colours["accent"],
        fontsize=style.size * 0.92,
    )
    axes.grid(axis="y")
    axes.set_ylabel("tokens / s")
