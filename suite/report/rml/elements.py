"""The elements our RML has beside z3c.rml's, and the stricter forms of some of its own."""

from __future__ import annotations

from typing import Any

import reportlab.platypus
import zope.schema
from reportlab.platypus.doctemplate import LayoutError, NextPageTemplate
from z3c.rml import attr, directive, document, flowable, interfaces, template

from suite.report.fonts import register
from suite.report.rml import cells, flowables, running

Size = tuple[float, float]


class IElastic(interfaces.IRMLDirectiveSignature):  # type: ignore[misc]
    """Heights in points; `least` and `most` default to `height`."""

    height = attr.Measurement(title="Height", required=True)
    least = attr.Measurement(title="Least height", required=False)
    most = attr.Measurement(title="Most height", required=False)


class IFigure(IElastic):
    """A figure of the registry in `suite.report.figures`."""

    name = attr.Text(title="Name", required=True)
    width = attr.Measurement(title="Width", required=True)


class IColumn(interfaces.IRMLDirectiveSignature):  # type: ignore[misc]
    """All the content of one frame."""

    id = attr.Text(title="Name in messages and in the report of fills", required=True)


class IPages(interfaces.IRMLDirectiveSignature):  # type: ignore[misc]
    """`first * later`: the next page's template, then the last for ever (RML's autoNextTemplate chains wrongly)."""

    sequence = attr.Text(title="Templates", required=True)


class IFloat(interfaces.IRMLDirectiveSignature):  # type: ignore[misc]
    """A figure or table with its caption: it may stand later than it is called, while the text goes on."""

    wide = attr.Boolean(title="Across all columns, at the top of a page", required=False)


class IFlush(interfaces.IRMLDirectiveSignature):  # type: ignore[misc]
    """Every float stands before what follows."""


class IHeading(flowable.IParagraph):  # type: ignore[misc]
    """A heading that stands in the document's outline."""

    key = attr.Text(title="Name of the place", required=True)
    level = attr.Integer(title="Level in the outline, from 0", required=True)
    room = attr.Measurement(title="Height that must be left under it", required=True)


class Figure(flowable.Flowable):  # type: ignore[misc]
    signature = IFigure
    klass = flowables.Figure


class Glue(flowable.Flowable):  # type: ignore[misc]
    signature = IElastic

    def process(self) -> None:
        values = dict(self.getAttributeValues())
        self.parent.flow.append(flowables.Glue(values["height"], values.get("least"), values.get("most")))


class Column(flowable.Flowable):  # type: ignore[misc]
    signature = IColumn

    def process(self) -> None:
        flow = flowable.Flow(self.element, self.parent)
        flow.process()
        name = dict(self.getAttributeValues())["id"]
        self.parent.flow.append(flowables.Column(0, 0, flow.flow, mode="error", name=name))


class Float(flowable.Flowable):  # type: ignore[misc]
    signature = IFloat

    def process(self) -> None:
        flow = flowable.Flow(self.element, self.parent)
        flow.process()
        wide = bool(dict(self.getAttributeValues()).get("wide"))
        self.parent.flow.append(running.Float(flow.flow, wide))


class Flush(flowable.Flowable):  # type: ignore[misc]
    signature = IFlush

    def process(self) -> None:
        self.parent.flow.append(running.Flush())


class Heading(flowable.Paragraph):  # type: ignore[misc]
    signature = IHeading
    klass = running.Heading


class Pages(flowable.Flowable):  # type: ignore[misc]
    signature = IPages

    def process(self) -> None:
        self.parent.flow.append(NextPageTemplate(dict(self.getAttributeValues())["sequence"].split()))


class IFonts(interfaces.IRMLDirectiveSignature):  # type: ignore[misc]
    """The suite's faces, in `docinit`."""


class Fonts(directive.RMLDirective):  # type: ignore[misc]
    signature = IFonts

    def process(self) -> None:
        register()


class StrictTable(reportlab.platypus.Table):  # type: ignore[misc]
    """A table that does not run over the edge of its column in silence."""

    def wrap(self, aw: float, ah: float) -> Size:
        width, height = super().wrap(aw, ah)
        if width > aw + 0.5:
            raise LayoutError(f"a table is {width:.0f} pt wide, only {aw:.0f} pt are there: {self.identity(60)}")
        return width, height


OWN: dict[str, type] = {
    **{"figure": Figure, "glue": Glue, "column": Column, "pages": Pages},
    **{"float": Float, "flush": Flush, "heading": Heading, "para": cells.Paragraph},
}


def install() -> None:
    """Teach z3c.rml the elements, and make it refuse what it does not know. Safe to call again."""
    directive.ABORT_ON_INVALID_DIRECTIVE = True
    flowable.BlockTable.klass = StrictTable
    flowable.BlockTable.factories["tr"] = cells.Row
    for factories in (flowable.Flow.factories, template.Story.factories):
        factories.update(OWN)
    document.DocInit.factories["fonts"] = Fonts


def signatures() -> dict[str, set[str]]:
    """Every element and the attributes it may have, read from the schemas z3c.rml itself processes by."""
    found: dict[str, set[str]] = {"document": set(zope.schema.getFieldNames(document.Document.signature))}
    todo: list[Any] = [document.Document]
    seen: set[Any] = set()
    while todo:
        owner = todo.pop()
        if owner in seen:
            continue
        seen.add(owner)
        for tag, element in owner.factories.items():
            names = zope.schema.getFieldNames(element.signature) if getattr(element, "signature", None) else ()
            found.setdefault(tag, set()).update(names)
            todo.append(element)
    return found
