"""What do the bytes buy? Perplexity against the size of the file: a model pruned, and other models left dense."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

from suite.analysis.storage import Storage, Stored
from suite.report.figures.room import Place, Room
from suite.report.figures.style import Style, log_axis, name, root, series
from suite.report.format import pct
from suite.report.theme import theme

UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
MOST_NAMES = 6  # of sizes of the main model, and again of others
Marks = list[tuple[float, float]]


def bytes_(axes: Axes, found: Storage, style: Style) -> None:
    """The main model's line from dense to the most pruned; the other models dense, and faint where pruned.

    Other sizes of the main model's architecture are in colour: only they answer whether a larger model pruned is
    better than a smaller one. The rest is hollow and grey, and named where there is room.
    """
    paths = (found.main, *found.others)
    unit, unit_name = _unit(paths[0].dense.bytes)
    marks = {path.model: _marks((path.dense, *path.pruned), unit) for path in paths}
    kin = [path.model for path in found.others if path.architecture == found.main.architecture]
    strangers = [path.model for path in found.others if path.model not in kin]
    line, main = marks[found.main.model], theme().series[0]
    axes.plot(*zip(*line, strict=True), color=main, marker="o", zorder=4)
    for model in strangers:
        _scatter(axes, marks[model], (theme().control, "o"), style, hollow=True)
    for index, model in enumerate(kin):
        _scatter(axes, marks[model], series(index + 1), style)
    _scales(axes, [mark for found in marks.values() for mark in found], style)
    axes.set_xlabel(f"bytes of the file ({unit_name}, log)")
    axes.set_ylabel("perplexity (log)")

    room = Room(axes, [line, *([mark] for model in (*kin, *strangers) for mark in marks[model])], style)
    small: dict[str, Any] = {"fontsize": style.size * 0.92}
    room.put(_around(line[-1], f"{name(found.main.model)}, pruned", style), color=main, fontweight="bold")
    for index, model in enumerate(kin[:MOST_NAMES]):
        look = {"color": series(index + 1)[0], "fontweight": "bold", **small}
        room.put(_around(marks[model][0], name(model), style), most=1, **look)
    for at, stored in zip(line[-2:0:-1], found.main.pruned[-2::-1], strict=True):
        room.put(_around(at, pct(stored.sparsity), style), most=0, color=main, **small)
    for model in strangers[:MOST_NAMES]:
        room.put(_around(marks[model][0], name(model), style), most=0, color=theme().colours["mute"], **small)


def _scatter(axes: Axes, marks: Marks, look: tuple[str, str], style: Style, *, hollow: bool = False) -> None:
    """A dense model's mark, and faint ones where it was pruned: of whatever parts, so that no line joins them."""
    colour, marker = look
    edge = {"mfc": "white", "mec": colour, "mew": style.line * 0.4} if hollow else {"color": colour}
    for points, size, alpha, order in ((marks[1:], 2.2, 0.4, 2), (marks[:1], 2.6 if hollow else 3.3, 1.0, 5)):
        for x, y in points:
            axes.plot([x], [y], marker=marker, ms=style.line * size, alpha=alpha, zorder=order, **edge)


def _scales(axes: Axes, marks: Sequence[tuple[float, float]], style: Style) -> None:
    """Two log axes, with room for names around the outermost marks."""
    width, height = (inches * 72 * 0.8 / style.size for inches in root(axes).get_size_inches())  # in lines of type
    for axis, values, before, after in (
        (axes.xaxis, [x for x, _ in marks], 1.5 / width, 1.5 / width),
        (axes.yaxis, [y for _, y in marks], 2.4 / height, 1.2 / height),
    ):
        span = max(max(values) / min(values), 1.05) ** (1 / (1 - before - after))
        log_axis(axis, min(values) / span**before, max(values) * span**after)
    axes.grid(axis="y")


def _around(at: tuple[float, float], text: str, style: Style) -> list[Place]:
    """Beside, above and below a mark."""
    gap = 0.55 * style.size
    places = [Place(text, at, (gap, 0)), Place(text, at, (0, gap), "center", "bottom")]
    places += [Place(text, at, (gap * 0.6, gap * 0.6), "left", "bottom"), Place(text, at, (0, -gap), "center", "top")]
    places += [Place(text, at, (gap, gap), "right", "bottom"), Place(text, at, (gap, -gap), "right", "top")]
    return [*places, Place(text, at, (-gap, -gap), "left", "top"), Place(text, at, (-gap, 0), "right")]


def _marks(stored: Sequence[Stored], unit: float) -> Marks:
    return [(one.bytes / unit, one.perplexity) for one in stored]


def _unit(largest: float) -> tuple[float, str]:
    return next(((unit, name) for unit, name in UNITS if largest >= unit), (1.0, "B"))
