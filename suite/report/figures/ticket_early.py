"""How early the ticket can be told: networks trained under masks that were read on the way, and those masks."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.axes import Axes

from suite.analysis.ticket.early import Readings
from suite.analysis.ticket.facts import TicketFacts
from suite.analysis.ticket.seeds import Seeds
from suite.records.experiment import Arm
from suite.report.figures.style import Label, Style, log_axis, right_labels, root, series
from suite.report.figures.ticket import NAMES, Line, draw_line, loss_label, over_floor
from suite.report.theme import theme

HEIGHTS = (3, 2)  # of the losses and of the overlaps below them
ROOM = 0.86  # of the figure's height that both have


def early(axes: Axes, found: TicketFacts, readings: Readings, style: Style) -> None:
    """Losses of networks trained under masks read at a share of the training, and below, how alike the masks are."""
    grid = root(axes).add_gridspec(2, 1, height_ratios=HEIGHTS)
    axes.set_subplotspec(grid[0])
    below = root(axes).add_subplot(grid[1], sharex=axes, facecolor="none")
    _losses(axes, found, readings, style)
    _overlaps(below, readings, style)
    reads = [100 * row.read for row in readings.rows]
    log_axis(below.xaxis, min(reads) * 0.9, max(reads) * 1.1, steps=(1, 2, 5))
    below.set_xlabel("read at % of training (log)")
    axes.tick_params(labelbottom=False)


def _losses(axes: Axes, found: TicketFacts, readings: Readings, style: Style) -> None:
    rows = [(row.read, row.losses) for row in readings.rows if row.losses.n]
    colour, marker = series(0)
    line = Line("early mask", colour, marker, tuple(rows))
    others = list(_others(found, readings))
    losses = [loss for _, seeds in (*rows, *((0, seeds) for *_, seeds in others)) for loss in seeds.numbers]
    base = over_floor(found, losses)
    labels = [Label(draw_line(axes, line, base), line.name, line.colour)] if rows else []
    for text, colour, seeds in others:
        if isinstance(mean := seeds.mean, float):
            axes.axhline(mean - base, color=colour, ls=(0, (5, 3)), lw=style.line * 0.8)
            labels.append(Label(mean - base, text, colour))
    if base:
        log_axis(axes.yaxis, (min(losses) - base) * 0.85, (max(losses) - base) * 1.15, steps=(1, 3))
    axes.set_ylabel(loss_label(axes, base, style, HEIGHTS[0] / sum(HEIGHTS)))
    axes.grid(axis="y")
    right_labels(axes, labels, style, ROOM * HEIGHTS[0] / sum(HEIGHTS))


def _others(found: TicketFacts, readings: Readings) -> Iterator[tuple[str, str, Seeds]]:
    """What the networks are held against: the plateau, and the ticket and the random mask of the same level."""
    yield "dense, longer", theme().colours["ink"], found.plateau
    looks: dict[Arm, str] = {"ticket": series(1)[0], "random": theme().control}
    for arm, colour in looks.items():
        for one in found.line(arm, readings.rewind):
            if one.level == readings.level:
                yield NAMES[arm], colour, one.losses


def _overlaps(axes: Axes, readings: Readings, style: Style) -> None:
    """Beyond chance: 0 is chance, 1 the same mask."""
    labels = []
    for place, (text, of) in enumerate((("with the last", "last"), ("with the ticket", "ticket"))):
        rows = tuple((row.read, seeds) for row in readings.rows if (seeds := getattr(row, of)).n)
        if rows:
            line = Line(text, *series(2 + place), rows)
            labels.append(Label(draw_line(axes, line, 0.0), line.name, line.colour))
    axes.set_ylim(min(0.0, *axes.get_ylim()), 1.02)
    axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.set_ylabel("overlap")
    axes.grid(axis="y")
    right_labels(axes, labels, style, ROOM * HEIGHTS[1] / sum(HEIGHTS))
