"""Pruned and rounded: does the damage add up? What both cost over what each alone would make of the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from suite.analysis.precision import Rounding, Together
from suite.protocol import EQUAL_HARM
from suite.pruning.criteria import criterion_label
from suite.records.schema import Interval
from suite.report.figures.style import Label, Style, fitting_label, name, percent_axis, right_labels, root, series
from suite.report.format import pct
from suite.report.theme import theme

MOST_LINES = 7
FLOAT8 = "float8-"
SHORT = 11  # lines of type in the height of a figure that has room for few numbers
SPREAD = 0.006  # sparsity by which the marks of several lines stand beside each other


def rounding(axes: Axes, roundings: Sequence[Rounding], style: Style) -> None:
    """A mark for each cell that was pruned and rounded, with its interval; the band is where the two add up."""
    lines = _lines(roundings)
    if not lines:
        raise ValueError("no model was pruned and rounded")
    percent_axis(axes, [row.pruned.sparsity for _, rows in lines for row in rows], ticks=5)
    axes.axhspan(1 / (1 + EQUAL_HARM), 1 + EQUAL_HARM, color=theme().colours["paleblue"], lw=0, zorder=0)
    axes.axhline(1.0, color=theme().colours["mute"], lw=style.line * 0.35, ls=(0, (5, 4)), zorder=1)
    seen, labels = [1 - EQUAL_HARM, 1 + EQUAL_HARM], []
    for index, (said, rows) in enumerate(lines):
        colour, marker = series(index)
        shift = SPREAD * (index - (len(lines) - 1) / 2)
        points = [(r.pruned.sparsity + shift, r.excess, r.interval) for r in rows]
        known = [(x, y, bounds) for x, y, bounds in points if isinstance(y, float)]
        for x, y, bounds in known:
            if isinstance(bounds, Interval):
                axes.plot([x, x], [bounds.low, bounds.high], color=colour, lw=style.line * 0.6, zorder=2)
                seen += [bounds.low, bounds.high]
            seen.append(y)
        axes.plot([x for x, *_ in known], [y for _, y, _ in known], color=colour, marker=marker, zorder=3)
        labels.append(Label(known[-1][1], name(said), colour))
    margin = 0.08 * (max(seen) - min(seen))
    axes.set_ylim(min(seen) - margin, max(seen) + margin)
    height = root(axes).get_figheight() * 72 / style.size
    axes.yaxis.set_major_locator(MaxNLocator(5 if height > SHORT else 2))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}\u00d7"))
    axes.set_ylabel(fitting_label(axes, "both, over the sum of the two", "both over sum", style))
    axes.grid(axis="y")
    if len(lines) > 1:
        right_labels(axes, labels, style)
    note: dict[str, Any] = {"color": theme().colours["accent"], "fontsize": style.size * 0.92}
    axes.text(0.01, 0.98, f"band: the sum \u00b1\u00a0{pct(EQUAL_HARM)}", transform=axes.transAxes, va="top", **note)


def _lines(roundings: Sequence[Rounding]) -> list[tuple[str, list[Together]]]:
    """By model, precision, criterion and target, named by what differs among them.

    Where there is float8, formats of sixteen bits are left to the tables: they are what models are measured in anyway.
    """
    chosen = [one for one in roundings if one.precision.startswith(FLOAT8)] or roundings
    groups: dict[tuple[str, str, str, str], list[Together]] = {}
    for found in chosen:
        for row in found.rows:
            e = row.pruned.experiment
            key = found.model, found.precision.removeprefix(FLOAT8), criterion_label(e.criterion), row.pruned.what
            groups.setdefault(key, []).append(row)
    varied = [axis for axis in range(4) if len({key[axis] for key in groups}) > 1] or [1]
    named = [(", ".join(key[axis] for axis in varied), rows) for key, rows in groups.items()]
    return [(said, sorted(rows, key=lambda r: r.pruned.sparsity)) for said, rows in named][:MOST_LINES]
