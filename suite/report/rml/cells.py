"""The cells of long tables: a paper has tens of thousands, and what z3c.rml and ReportLab do for each is done once.

What is laid out is the same: only questions that were answered before are not asked again.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus.paragraph import cleanBlockQuotedText
from reportlab.platypus.paraparser import ParaFrag
from z3c.rml import attr, flowable
from z3c.rml.paraparser import ParaFragWrapper, Z3CParagraph

Size = tuple[float, float]


class Text(Z3CParagraph):  # type: ignore[misc]
    """A paragraph that is broken into lines once for a width: a table asks three times on its way to the page."""

    _broken_at: float | None = None

    def wrap(self, aw: float, ah: float) -> Size:
        if aw != self._broken_at or not hasattr(self, "blPara"):
            super().wrap(aw, ah)
            changing = any(isinstance(fragment, ParaFragWrapper) for fragment in self.frags)  # as a page's number
            self._broken_at = None if changing else aw
        return self.width, self.height


class Paragraph(flowable.Paragraph):  # type: ignore[misc]
    """`para`; one that is all of one style has nothing for the parser of inline markup to find."""

    klass = Text

    def process(self) -> None:
        element = self.element
        text = cleanBlockQuotedText((element.text or "").replace("\t", " "))
        if len(element) or element.keys() != ["style"] or not text or "&" in text or "<" in text:
            return super().process()
        style = attr._getStyle(self, element.get("style"))
        if style.textTransform or getattr(style, "bulletText", None):
            return super().process()
        fragment = _fragment(style).clone(text=text)
        self.parent.flow.append(self.klass(text, style, frags=[fragment]))


@lru_cache(maxsize=128)
def _fragment(style: ParagraphStyle) -> ParaFrag:
    """What the parser makes of a word in this style."""
    (found,) = Text("word", style).frags
    return found


class Cell(flowable.TableCell):  # type: ignore[misc]
    """`td`; of its sixty attributes most cells have none."""

    def processStyle(self) -> None:  # noqa: N802
        if self.element.attrib:
            super().processStyle()


class Row(flowable.TableRow):  # type: ignore[misc]
    factories: dict[str, Any] = {"td": Cell}
