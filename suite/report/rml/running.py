"""What a text that runs over many pages needs: headings that the outline knows, and figures and tables that float.

ReportLab has no floats: what does not fit the rest of a column leaves a hole there. A float waits instead, while the
text goes on, and stands at the top of the next column with room for it; a wide one stands across all columns of the
next page, whose frames are shortened for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reportlab.platypus import ActionFlowable, Flowable, Frame
from reportlab.platypus.doctemplate import LayoutError
from reportlab.platypus.flowables import _listWrapOn

from suite.report.rml.cells import Text
from suite.report.rml.flowables import Figure

Size = tuple[float, float]
APART = 10.0  # points between a wide float and the columns under it
TOO_TALL = 1e6  # points; a float that wraps to this is never added as it is, so the frame asks it to split
SLACK = 0.5  # points by which a sum of heights may be off


class Heading(Text):
    """A paragraph that is a place in the document's outline, and never stands at the foot of a column.

    It wants `room` points under it, and no more: to be kept with all of a long paragraph would leave holes.
    """

    def __init__(self, *args: Any, key: str, level: int, room: float, **options: Any) -> None:
        super().__init__(*args, **options)
        self.key, self.level, self.room = key, level, room

    def wrap(self, aw: float, ah: float) -> Size:
        width, height = super().wrap(aw, ah)
        return width, height if height + self.room <= ah else height + self.room

    def draw(self) -> None:
        self.canv.bookmarkHorizontal(self.key, 0, self.height)
        self.canv.addOutlineEntry(self.getPlainText(), self.key, self.level)
        super().draw()

    def split(self, aw: float, ah: float) -> list[Flowable]:
        """Never: a heading of several lines moves whole."""
        return []


class Float(Flowable):  # type: ignore[misc]
    """Content that stands here where the column has room for it, else later; what is longer than a column runs on.

    Figures keep their order among figures and tables theirs among tables. A `wide` one never stands where it is called.
    """

    def __init__(self, content: Sequence[Flowable], wide: bool = False) -> None:
        super().__init__()
        self.content, self.wide = list(content), wide
        self.kind = "figure" if any(isinstance(item, Figure) for item in self.content) else "table"

    def wrap(self, aw: float, ah: float) -> Size:
        return aw, TOO_TALL

    def split(self, aw: float, ah: float) -> list[Flowable]:
        """What stands in its place: nothing yet, or its content."""
        waiting = _waiting(self.canv._doctemplate)
        height = 0.0 if self.wide else _height(self.content, aw, self.canv)
        if height > self._frame._aH:
            return [Nothing(), *self.content]
        if self.wide or waiting.holds(self.kind) or height > ah - SLACK:
            waiting.queue.append(self)
            return [Nothing()]
        return [Nothing(), *self.content]


class Nothing(ActionFlowable):  # type: ignore[misc]
    """The head of a split, which ReportLab would otherwise want to add whole."""

    def apply(self, doc: Any) -> None:
        """Nothing to do."""


class Waiting(ActionFlowable):  # type: ignore[misc]
    """The floats of a document that found no room yet, in their order; applied at the beginning of each frame."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: list[Float] = []
        self._shortened: dict[Frame, float] = {}
        self._narrowed: Frame | None = None  # the frame that floats took room from

    def __bool__(self) -> bool:
        return True  # ReportLab skips what is empty

    def apply(self, doc: Any) -> None:
        frames = doc.pageTemplate.frames
        if doc.frame is frames[0] and doc.frame._atTop:
            self._restore(frames)
            if wide := next((first for first in self._first() if first.wide), None):
                self._across(wide, doc, frames)
        self._narrowed = doc.frame if doc.frame in self._shortened else None
        while placed := next((first for first in self._first() if self._fits(first, doc)), None):
            self.queue.remove(placed)
            self._narrowed = doc.frame
            for item in placed.content:
                _add(doc.frame, item, doc)

    def holds(self, kind: str) -> bool:
        """Whether one of that kind waits, and every later one with it."""
        return any(one.kind == kind for one in self.queue)

    def _first(self) -> list[Float]:
        """Of each kind the one whose turn it is, the one that waits longest in front."""
        firsts: dict[str, Float] = {}
        for one in self.queue:
            firsts.setdefault(one.kind, one)
        return list(firsts.values())

    def _fits(self, one: Float, doc: Any) -> bool:
        room = doc.frame._y - doc.frame._y1p - SLACK
        if not doc.frame._atTop:  # under another float, what it begins with keeps its distance
            room -= one.content[0].getSpaceBefore()
        return not one.wide and _height(one.content, doc.frame._aW, doc.canv) <= room

    def excuse(self, flowables: Sequence[Flowable]) -> None:
        """What moved here from the frame before may move on: ReportLab allows it once, and knows nothing of floats."""
        if self._narrowed and hasattr(flowables[0], "_postponed"):
            del flowables[0]._postponed

    def _restore(self, frames: Sequence[Frame]) -> None:
        """Give the frames of a new page their own height back."""
        for frame in frames:
            if frame in self._shortened:
                frame.height = self._shortened.pop(frame)
                frame._reset()

    def _across(self, one: Float, doc: Any, frames: Sequence[Frame]) -> None:
        """Put a float across the page's top, and shorten the frames by what it takes."""
        left, right = min(frame._x1 for frame in frames), max(frame._x2 for frame in frames)
        top, bottom = max(frame._y2 for frame in frames), max(frame._y1 for frame in frames)
        self.queue.remove(one)
        content = one.content
        height = _height(content, right - left, doc.canv) + SLACK
        if height > top - bottom:
            raise LayoutError(f"a wide float is {height:.0f} pt tall, and the page has {top - bottom:.0f} pt")
        place = Frame(left, top - height, right - left, height, 0, 0, 0, 0)
        for item in content:
            _add(place, item, doc)
        for frame in frames:
            self._shortened[frame] = frame._height
            frame.height = frame._height - height - APART
            frame._reset()


class Flush(ActionFlowable):  # type: ignore[misc]
    """From here on nothing waits: the columns end until every float has found its place."""

    def apply(self, doc: Any) -> None:
        waiting = _waiting(doc)
        waiting.apply(doc)
        if waiting.queue:
            doc.handle_frameEnd()
            doc._hanging.append(self)


def _waiting(doc: Any) -> Waiting:
    """The document's own, at work from the first float on."""
    found = next((item for item in doc._topFlowables if isinstance(item, Waiting)), None)
    if found is None:
        found = Waiting()
        doc._topFlowables.append(found)
        doc.filterFlowables = found.excuse
    return found


def _height(content: Sequence[Flowable], width: float, canv: Any) -> float:
    return float(_listWrapOn(list(content), width, canv)[1])


def _add(frame: Frame, item: Flowable, doc: Any) -> None:
    if not frame.add(item, doc.canv, trySplit=0):
        raise LayoutError(f"a float does not fit where its height says it does: {item.identity(60)}")
    doc._curPageFlowableCount += 1
