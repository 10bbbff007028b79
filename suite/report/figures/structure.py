"""Taken out, and not only zero: what speed costs in perplexity, by neurons, by layers and by scattered zeros."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from suite.analysis.facts import Facts
from suite.analysis.structure import SCATTERED, Smaller, Structure
from suite.records.schema import Interval
from suite.report.figures.room import Place, Room
from suite.report.figures.style import Style, fitting_label, log_axis, series
from suite.report.format import pct
from suite.report.theme import theme

NAMES = {"neurons": "neurons taken out", "layers": "layers taken out", SCATTERED: "scattered zeros"}


def structure(axes: Axes, facts: Facts, style: Style) -> None:
    """Perplexity against decode speed, a line for each kind from the dense model on, marked by the share that went."""
    if not facts.further.structures:
        raise ValueError("nothing was taken out of a model")
    found = facts.further.structures[0]
    timed = all(isinstance(row.speed, float) for row in found.rows)
    marks = {kind: [(_across(row, timed), _ratio(row)) for row in found.of(kind)] for kind in found.kinds}
    lines = {kind: [(1.0 if timed else 0.0, 1.0), *points] for kind, points in marks.items()}
    for index, (kind, line) in enumerate(lines.items()):
        colour, marker = _look(kind, index)
        axes.plot(*zip(*line, strict=True), color=colour, marker=marker, zorder=3, clip_on=False)
        for row, (_, y) in zip(found.of(kind), marks[kind], strict=True):
            if timed and isinstance(bounds := row.interval, Interval):
                axes.plot([bounds.low, bounds.high], [y, y], color=colour, lw=style.line * 0.5, zorder=2)
    xs, ys = zip(*[mark for line in lines.values() for mark in line], strict=True)
    margin = 0.12 * ((max(xs) - min(xs)) or 0.1)
    axes.set_xlim(min(xs) - margin, max(xs) + 2 * margin)
    log_axis(axes.yaxis, min(ys) * 0.93, max(*ys, 1.3) * 1.2, suffix="\u00d7")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:.3g}\u00d7" if timed else pct(v)))
    axes.set_xlabel("decode speed beside dense" if timed else "share of the model that went")
    axes.set_ylabel(fitting_label(axes, "perplexity relative to dense (log)", "to dense (log)", style))
    axes.grid(axis="y")
    _name(axes, found, lines, style)


def _name(axes: Axes, found: Structure, lines: dict[str, list[tuple[float, float]]], style: Style) -> None:
    room, gap = Room(axes, list(lines.values()), style), 0.6 * style.size
    for index, (kind, line) in enumerate(lines.items()):
        colour, _ = _look(kind, index)
        places = [p for text in (NAMES[kind], NAMES[kind].replace(" ", "\n", 1)) for p in _around(text, line, gap)]
        room.put(places, color=colour, fontweight="bold", linespacing=1.1)
    small = {"fontsize": style.size * 0.92}
    for index, (kind, line) in enumerate(lines.items()):
        for row, at in zip(found.of(kind), line[1:], strict=True):
            room.put(_around(pct(row.gone, 0), [at], gap), most=0, color=_look(kind, index)[0], **small)


def _around(text: str, line: list[tuple[float, float]], gap: float) -> list[Place]:
    """Beside the line's marks, the last one first."""
    found = []
    for at in line[::-1]:
        found += [Place(text, at, (gap, 0)), Place(text, at, (0, gap), "center", "bottom")]
        found += [Place(text, at, (-gap, 0), "right"), Place(text, at, (0, -gap), "center", "top")]
    return found


def _look(kind: str, index: int) -> tuple[str, str]:
    return (theme().control, "X") if kind == SCATTERED else series(index)


def _across(row: Smaller, timed: bool) -> float:
    return row.speed if timed and isinstance(row.speed, float) else row.gone


def _ratio(row: Smaller) -> float:
    return ratio if isinstance(ratio := row.cell.ratio, float) else 1.0
