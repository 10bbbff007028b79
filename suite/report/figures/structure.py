"""Taken out, and not only zero: what neurons and layers cost as they go, beside scattered zeros."""

from __future__ import annotations

from matplotlib.axes import Axes

from suite.analysis.structure import SCATTERED, Smaller, Structure
from suite.pruning.criteria import criterion_label
from suite.report.figures.style import Label, Style, fitting_label, log_axis, percent_axis, right_labels, series
from suite.report.theme import theme

MARKS = {"neurons": "o", "layers": "^", "experts": "D", SCATTERED: "s"}


def structure(axes: Axes, one: Structure, style: Style) -> None:
    """Perplexity against the share of the model that went: a line for each kind and criterion, random ones grey.

    Random removal may leave the axes upwards, as what is compared is how the others differ.
    """
    found = one.lines
    scattered = [line for line in found if line[0] == SCATTERED]
    lines = [
        *(line for line in found if line not in scattered),
        *scattered[:1],
    ]  # the others hardly differ at this scale
    coloured = [line for line in lines if line[1] != "random"]
    several = len({criterion for _, criterion, _ in coloured}) > 1
    percent_axis(axes, [row.gone for *_, rows in lines for row in rows], ticks=5)
    labels, seen = [], [1.0]
    for line in lines:
        kind, criterion, rows = line
        colour = theme().control if criterion == "random" else series(coloured.index(line))[0]
        points = [(0.0, 1.0), *((row.gone, _ratio(row)) for row in rows)]
        axes.plot(*zip(*points, strict=True), color=colour, marker=MARKS[kind], zorder=2 if line in coloured else 1)
        if line in coloured:
            seen += [y for _, y in points]
        said = f"{kind}, {criterion_label(criterion)}" if several or criterion == "random" else kind
        labels.append(Label(points[-1][1], said, colour))
    log_axis(axes.yaxis, min(seen) * 0.95, max(*seen, 1.3) * 1.15, suffix="\u00d7")
    axes.set_xlabel("share of the model that went")
    axes.set_ylabel(fitting_label(axes, "perplexity relative to dense (log)", "to dense (log)", style))
    axes.grid(axis="y")
    right_labels(axes, labels, style)


def _ratio(row: Smaller) -> float:
    return ratio if isinstance(ratio := row.cell.ratio, float) else 1.0
