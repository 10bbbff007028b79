"""RML -> PDF: laid out by z3c.rml and ReportLab, figures swapped in as vectors, the same bytes every time."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import pikepdf
from lxml import etree
from reportlab.graphics import shapes
from reportlab.pdfbase import ttfonts
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus.doctemplate import LayoutError
from z3c.rml import document, rlfix

from suite.report.rml.check import check
from suite.report.theme import theme

Size = tuple[float, float]  # width, height, points
Draw = Callable[[Mapping[str, Size]], bytes]  # figures and their sizes -> a PDF with a page for each, in their order

# z3c.rml begins each document by reading four fonts that none of ours uses: a sixth of the time of a poster's layout.
rlfix.ttfonts = SimpleNamespace(TTFont=cache(ttfonts.TTFont))

_reportlab_cmap = ttfonts.makeToUnicodeCMap


def _cmap(font: str, subset: Sequence[int]) -> str:
    """What makes type selectable: beyond U+FFFF the PDF standard asks for UTF-16, and ReportLab writes five digits."""

    def utf16(found: re.Match[str]) -> str:
        return f" <{chr(int(found[1], 16)).encode('utf-16-be').hex().upper()}>"

    return re.sub(" <([0-9A-F]{5,6})>", utf16, _reportlab_cmap(font, subset))


ttfonts.makeToUnicodeCMap = _cmap


class LayoutOverflowError(LayoutError):  # type: ignore[misc]
    """The content does not fit; the message says what and where."""


class PageError(RuntimeError):
    """The document came out otherwise than planned: its page count, or a figure that was never placed."""


@dataclass(frozen=True, slots=True)
class Pdf:
    """A finished document, and how full each of its columns came out (1.0 is full)."""

    content: bytes
    pages: int
    fills: Mapping[str, float]


class ReportCanvas(Canvas):  # type: ignore[misc]
    """A canvas without Helvetica, which notes the figures to be swapped in and the fills of the columns."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options |= {"initialFontName": "Sans", "lang": theme().language}
        super().__init__(*args, **options)
        self.figures: dict[str, Size] = {}
        self.fills: dict[str, float] = {}
        self.overflows: dict[str, str] = {}  # columns, and by how much

    def place_figure(self, name: str, width: float, height: float) -> None:
        """Draw the empty form that stands for a figure until `finish`."""
        if name in self.figures:
            raise PageError(f"figure {name!r} is placed twice")
        self.figures[name] = (width, height)
        self.beginForm(name, 0, 0, width, height)
        self.endForm()
        self.doForm(name)


@dataclass(frozen=True, slots=True)
class Layout:
    """A document laid out, its figures still empty; `overflows` says which columns are too full, and by how much."""

    raw: bytes
    figures: Mapping[str, Size]
    fills: Mapping[str, float]
    overflows: Mapping[str, str]

    def complete(self, draw: Draw, pages: int | None = None) -> Pdf:
        """Draw the figures at the sizes the layout gave them. Raises: see `build`."""
        if self.overflows:
            said = "; ".join(f"column {name!r}: {how}" for name, how in self.overflows.items())
            raise LayoutOverflowError(said)
        content, count = finish(self.raw, list(self.figures), draw(self.figures) if self.figures else b"")
        if pages is not None and count != pages:
            raise PageError(f"the document has {count} pages and should have {pages}")
        return Pdf(content, count, self.fills)


def lay_out(rml: str) -> Layout:
    """The layout of an RML document, which takes no figure to see whether it fits.

    Raises:
        RmlError: the RML would print wrongly.
        LayoutOverflowError: something other than the content of a column does not fit where it was put.
    """
    root = etree.fromstring(rml.encode())
    check(root)
    shapes.STATE_DEFAULTS["fontName"] = "Sans"
    canvases: list[ReportCanvas] = []

    def new_canvas(*args: Any, **options: Any) -> ReportCanvas:
        canvases.append(ReportCanvas(*args, **options))
        return canvases[-1]

    buffer = io.BytesIO()
    try:
        document.Document(root, canvasClass=new_canvas).process(buffer)
    except LayoutError as error:
        raise LayoutOverflowError(" ".join(str(error).split())) from error
    except ValueError:  # a column that is too full is not drawn, and a link into it leads nowhere
        if not (canvases and canvases[-1].overflows):
            raise
    canvas = canvases[-1]
    figures = dict(sorted(canvas.figures.items()))
    return Layout(buffer.getvalue(), figures, dict(canvas.fills), dict(canvas.overflows))


def build(rml: str, draw: Draw, pages: int | None = None) -> Pdf:
    """The PDF of an RML document.

    Args:
        draw: makes the figures at the sizes the layout gave them.
        pages: how many pages it must have, where that is known.

    Raises:
        RmlError: the RML would print wrongly.
        LayoutOverflowError: something does not fit where it was put.
        PageError: the page count is not `pages`.
    """
    return lay_out(rml).complete(draw, pages)


def finish(raw: bytes, names: Sequence[str], figures: bytes) -> tuple[bytes, int]:
    """Replace the empty forms by the figures, fix the metadata, and save with an id that follows from the content.

    Args:
        names: of the figures, which are the pages of the PDF `figures` in that order.

    Raises:
        PageError: a figure was drawn for no form.
    """
    with ExitStack() as files:
        pdf = files.enter_context(pikepdf.open(io.BytesIO(raw)))
        todo: dict[str, Any] = {}
        if names:
            drawn = files.enter_context(pikepdf.open(io.BytesIO(figures)))
            todo = dict(zip(names, drawn.pages, strict=True))
        for page in pdf.pages:
            objects = page.Resources.get("/XObject", pikepdf.Dictionary())
            for key in sorted(objects.keys()):
                if figure := todo.pop(key.removeprefix("/FormXob."), None):
                    objects[key] = pdf.copy_foreign(pikepdf.Page(figure).as_form_xobject())
        if todo:
            raise PageError(f"figures without a place: {', '.join(sorted(todo))}")
        if "/Trapped" in pdf.docinfo:
            del pdf.docinfo["/Trapped"]
        pdf.Root.ViewerPreferences = pikepdf.Dictionary(DisplayDocTitle=True)
        with pdf.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False) as metadata:
            metadata.load_from_docinfo(pdf.docinfo)
        out = io.BytesIO()
        pdf.save(
            out,
            deterministic_id=True,
            compress_streams=True,
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
        )
        return out.getvalue(), len(pdf.pages)
