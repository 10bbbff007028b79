"""The cells of long tables: a paper has tens of thousands, and what z3c.rml and ReportLab do for each is done once.

What is laid out is the same: only questions that were answered before are not asked again.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, ClassVar

from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus.paragraph import cleanBlockQuotedText
from reportlab.platypus.paraparser import ParaFrag
from z3c.rml import attr, flowable
from z3c.rml.paraparser import ParaFragWrapper, Z3CParagraph

Size = tuple[float, float]
ESCAPED = re.compile("[&<>]")  # what stands in RML as an entity, which the parser makes a fragment of its own


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
    """`para`; one that has a style and nothing else need not be asked for forty more attributes, and one without inline
    markup has nothing for the parser to find."""

    klass = Text

    def process(self) -> None:
        if self.element.keys() == ["style"]:
            self.parent.flow.append(self._styled(attr._getStyle(self, self.element.get("style"))))
        else:
            super().process()

    def _styled(self, style: ParagraphStyle) -> Text:
        element = self.element
        text = cleanBlockQuotedText((element.text or "").strip().replace("\t", " "))
        if len(element) or not text or ESCAPED.search(text) or style.textTransform:
            return self.klass(self.signature["text"].bind(self).get(), style, manager=attr.getManager(self))
        return self.klass(text, style, frags=[_fragment(style).clone(text=text)])


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
    factories: ClassVar[dict[str, Any]] = {"td": Cell}
