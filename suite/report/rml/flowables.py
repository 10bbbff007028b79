"""Flowables of our own: a column that fills its frame, and what gives way in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reportlab.platypus import Flowable, KeepInFrame
from reportlab.platypus.doctemplate import LayoutError
from reportlab.platypus.flowables import _FUZZ, _listWrapOn

Size = tuple[float, float]


class Elastic(Flowable):  # type: ignore[misc]
    """A flowable whose height may lie anywhere between `least` and `most`; `natural` is what it would like.

    `weight` says who takes the room that is left first: whoever has the larger one, until it is at its most.
    """

    weight = 0

    def __init__(self, natural: float, least: float | None = None, most: float | None = None) -> None:
        super().__init__()
        self.natural = natural
        self.least = natural if least is None else least
        self.most = natural if most is None else most
        self.height = natural


class Glue(Elastic):
    """Space that stretches, as between the sections of a poster."""

    def wrap(self, aw: float, ah: float) -> Size:
        self.width = 0
        return 0, self.height

    def draw(self) -> None:
        """Nothing to see."""


class Figure(Elastic):
    """Room for a figure; what is drawn is an empty form of that name, which the finisher replaces.

    The figure itself is made after the layout, when its size is known: its type is never scaled.
    """

    weight = 1

    def __init__(
        self, name: str, width: float, height: float, least: float | None = None, most: float | None = None
    ) -> None:
        super().__init__(height, least, most)
        self.name, self.width = name, width
        self.hAlign = "LEFT"

    def wrap(self, aw: float, ah: float) -> Size:
        if self.width > aw + 0.5:
            raise LayoutError(f"figure {self.name!r} is {self.width:.0f} pt wide, only {aw:.0f} pt are there")
        return self.width, self.height

    def draw(self) -> None:
        self.canv.place_figure(self.name, self.width, self.height)


class Column(KeepInFrame):  # type: ignore[misc]
    """A frame's content: it fills the frame by stretching what is elastic, and never shrinks or cuts text.

    Where it does not fit even with everything elastic at its least, the canvas is told and nothing is drawn: the build
    fails once it has seen every column, so that all that are too full can give way at once.
    """

    def wrap(self, aw: float, ah: float) -> Size:
        self.maxWidth, self.maxHeight = aw, ah
        elastic = [item for item in self._content if isinstance(item, Elastic)]
        for item in elastic:
            item.height = item.natural
        room = ah - self._measure(aw)
        if room < 0:
            room = _give(elastic, room, lambda item: item.least)
        for weight in (1, 0):
            if room > 0:
                room = _give([item for item in elastic if item.weight == weight], room, lambda item: item.most)
        self.canv.overflows.pop(self.name, None)
        if room < -_FUZZ:
            self.canv.overflows[self.name] = f"the content is {-room:.0f} pt too tall for {ah:.0f} pt"
        self._used = (ah - room) / ah
        self.width, self.height = aw, ah - max(room, 0) - _FUZZ
        return self.width, self.height

    def _measure(self, aw: float) -> float:
        _, height = _listWrapOn(self._content, aw, self.canv)
        return float(height)

    def drawOn(self, canv: Any, x: float, y: float, _sW: float = 0) -> None:  # noqa: N802, N803
        if self.name not in canv.overflows:
            canv.fills[self.name] = self._used
            super().drawOn(canv, x, y, _sW)


def _give(items: list[Elastic], room: float, limit: Callable[[Elastic], float]) -> float:
    """Share out room (or its lack, when negative) by how far each item can go; returns what nobody could take."""
    reach = sum(limit(item) - item.height for item in items)
    if abs(reach) < _FUZZ:
        return room
    share = min(room / reach, 1.0)
    for item in items:
        item.height += share * (limit(item) - item.height)
    return room - share * reach
