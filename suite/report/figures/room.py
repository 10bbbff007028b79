"""Room for labels inside the axes: of several places, the one where a label covers nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from suite.report.figures.style import Style, arrange, root

STEPS = 60  # points that stand for each straight piece of a line
OUTSIDE = 2.0  # a label beyond the axes is worse than one across a line
BEFORE = {"left": 0.0, "center": 0.5, "right": 1.0, "bottom": 0.0, "top": 1.0}  # the share of a label before its place


@dataclass(frozen=True, slots=True)
class Place:
    """A label set beside a point: `at` in data units, `offset` in points from there."""

    text: str
    at: tuple[float, float]
    offset: tuple[float, float]
    ha: str = "left"
    va: str = "center"


class Room:
    """The lines of finished axes, and the labels that were put among them.

    Args:
        lines: what labels may not cover, in data units; one of a single point is a mark.
    """

    def __init__(self, axes: Axes, lines: Iterable[Sequence[tuple[float, float]]], style: Style) -> None:
        arrange(root(axes))  # which decides how long the axes are
        self.axes, self.style = axes, style
        pieces = [_filled(axes.transData.transform(np.asarray(line, dtype=np.float64))) for line in lines]
        self.taken: NDArray[np.float64] = np.concatenate([np.empty((0, 2)), *pieces])
        self.labels: list[Bbox] = []

    def put(self, places: Sequence[Place], *, most: float = math.inf, **look: Any) -> None:
        """A label at the first of the places that is free, else at the one where it covers least.

        None at all where it would cover more than `most`: a mark counts 1, another label 2, a line what is hidden.
        """
        sizes = {text: self._size(text, look) for text in dict.fromkeys(place.text for place in places)}
        boxes = [self._box(place, *sizes[place.text]) for place in places]
        covered = [self._covered(box) for box in boxes]
        best = covered.index(min(covered))
        if covered[best] > most:
            return
        place = places[best]
        look |= {"textcoords": "offset points", "annotation_clip": False}
        self.axes.annotate(place.text, place.at, place.offset, ha=place.ha, va=place.va, **look)
        self.labels.append(boxes[best])

    def _size(self, text: str, look: dict[str, Any]) -> tuple[float, float]:
        trial = self.axes.text(0, 0, text, **look)
        extent = trial.get_window_extent()
        trial.remove()
        return extent.width, extent.height

    def _box(self, place: Place, width: float, height: float) -> Bbox:
        """Where a label of this size would lie, with a little air, in the figure's pixels."""
        pixels = root(self.axes).dpi / 72
        x, y = self.axes.transData.transform(place.at) + pixels * np.asarray(place.offset)
        corner = (x - BEFORE[place.ha] * width, y - BEFORE[place.va] * height)
        return Bbox.from_bounds(*corner, width, height).padded(0.15 * self.style.size * pixels)

    def _covered(self, box: Bbox) -> float:
        """Points of lines below a label, labels below it, and how much of it lies outside the axes."""
        inside = (self.taken > (box.x0, box.y0)).all(axis=1) & (self.taken < (box.x1, box.y1)).all(axis=1)
        within = Bbox.intersection(box, self.axes.bbox)
        share = within.width * within.height / (box.width * box.height) if within else 0.0
        outside = 0.0 if share > 0.97 else OUTSIDE * (2 - share)
        return float(inside.sum()) / STEPS + outside + 2.0 * sum(box.overlaps(label) for label in self.labels)


def _filled(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points along a line, close enough together that none of its pieces passes below a label unseen."""
    if len(points) == 1:
        return np.repeat(points, STEPS, axis=0)
    steps = np.linspace(0, 1, STEPS)[:, None]
    return np.concatenate([start + steps * (end - start) for start, end in pairwise(points)])
