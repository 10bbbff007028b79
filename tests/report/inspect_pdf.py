"""What a finished PDF is asked: each question answers with the faults it found, in words."""

from __future__ import annotations

import ctypes
import io
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import pypdf
import pypdfium2
from pypdf.generic import Destination, DictionaryObject, IndirectObject
from pypdfium2 import raw

from suite.report.pdf import Pdf


class Glyph(NamedTuple):
    """A printed character: its box (left, bottom, right, top) and size in points, its font, and the page's size."""

    page: int
    text: str
    box: tuple[float, float, float, float]
    size: float
    font: str
    sheet: tuple[float, float]


def text(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)


def resources(content: bytes) -> Iterator[tuple[str, Any]]:
    """Every font and every XObject, those inside forms inside forms too."""
    todo = [page["/Resources"].get_object() for page in pypdf.PdfReader(io.BytesIO(content)).pages]
    while todo:
        found = todo.pop()
        for kind in ("/Font", "/XObject"):
            for item in found.get(kind, DictionaryObject()).get_object().values():
                item = item.get_object()
                yield kind, item
                if kind == "/XObject" and "/Resources" in item:
                    todo.append(item["/Resources"].get_object())


@lru_cache(maxsize=4)
def glyphs(content: bytes) -> tuple[Glyph, ...]:
    """Every character that leaves ink, as pdfium draws it."""
    document = pypdfium2.PdfDocument(content)
    return tuple(glyph for number in range(len(document)) for glyph in _on_page(document[number], number))


def _on_page(page: Any, number: int) -> Iterator[Glyph]:
    page_text, sheet = page.get_textpage(), page.get_size()
    name, flags = ctypes.create_string_buffer(200), ctypes.c_int()
    for i in range(page_text.count_chars()):
        character = chr(raw.FPDFText_GetUnicode(page_text.raw, i))
        if character.isspace() or ord(character) < 32:
            continue
        matrix = raw.FS_MATRIX()
        raw.FPDFText_GetMatrix(page_text.raw, i, matrix)
        size = raw.FPDFText_GetFontSize(page_text.raw, i) * (matrix.c**2 + matrix.d**2) ** 0.5
        raw.FPDFText_GetFontInfo(page_text.raw, i, name, len(name), flags)
        font = name.value.decode("utf-8", "replace").partition("+")[2] or name.value.decode("utf-8", "replace")
        yield Glyph(number, character, page_text.get_charbox(i), size, font, sheet)


def unembedded(content: bytes) -> list[str]:
    """Fonts whose outlines are not in the file: elsewhere they print in another face, or not at all."""
    found = []
    for kind, item in resources(content):
        if kind == "/Font":
            font = item["/DescendantFonts"][0].get_object() if "/DescendantFonts" in item else item
            descriptor = font.get("/FontDescriptor", DictionaryObject()).get_object()
            if not {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor):
                found.append(f"{item.get('/BaseFont')} is not embedded")
    return found


def rasters(content: bytes) -> list[str]:
    """Pictures made of pixels, wherever they hide: in the page's resources, in a form's, or inline in a stream."""
    found = [
        f"a raster of {item.get('/Width')} by {item.get('/Height')} pixels"
        for kind, item in resources(content)
        if kind == "/XObject" and item["/Subtype"] != "/Form"
    ]
    document = pypdfium2.PdfDocument(content)
    for number in range(len(document)):
        drawn = document[number].get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=8)
        found += [f"page {number + 1} draws a raster" for _ in drawn]
    return found


def too_small(content: bytes, least: float) -> list[str]:
    """Characters of a size below `least` points."""
    return [f"{g.text!r} of {g.size:.1f} pt on page {g.page + 1}" for g in glyphs(content) if g.size < least - 0.01]


def outside(content: bytes, sides: float, ends: float = 0.0) -> list[str]:
    """Characters nearer to the paper's left or right edge than `sides` points, or to its top or bottom than `ends`."""
    found = []
    for g in glyphs(content):
        (left, bottom, right, top), (width, height) = g.box, g.sheet
        if left < sides or right > width - sides or bottom < ends or top > height - ends:
            found.append(f"{g.text!r} on page {g.page + 1} at {left:.0f}, {bottom:.0f}")
    return found


def badly_filled(pdf: Pdf, least: float = 0.85, short: tuple[str, ...] = ()) -> list[str]:
    """Columns that their content fills less than `least` or more than whole, but for those that may be short."""
    return [
        f"{name} is filled {fill:.0%}"
        for name, fill in pdf.fills.items()
        if fill > 1.001 or (fill < least and name not in short)
    ]


def orphaned_headings(content: bytes, size: float, column: float = 0.0, font: str = "Bold") -> list[str]:
    """Headings (set in such a font, of `size` points or more) with nothing under them.

    Args:
        column: its width in points; else what is under the heading's beginning counts.
    """
    pages: dict[int, list[Glyph]] = defaultdict(list)
    for glyph in glyphs(content):
        pages[glyph.page].append(glyph)
    found = []
    for page, there in pages.items():
        headings = [g for g in there if g.size >= size and font in g.font]
        for line in _lines(headings):
            first = line[0]
            left, bottom = first.box[0], min(g.box[1] for g in line)
            under = (left - first.size, left + (column or 10 * first.size))
            if not any(
                under[0] <= g.box[0] <= under[1] and bottom - 4 * first.size <= g.box[3] < bottom for g in there
            ):
                found.append(f"page {page + 1}: {''.join(g.text for g in line)!r} has nothing under it")
    return found


def _lines(found: list[Glyph]) -> Iterator[list[Glyph]]:
    """Characters that follow each other on one line, as they were set."""
    line: list[Glyph] = []
    for glyph in found:
        if line and (
            abs(glyph.box[1] - line[-1].box[1]) > glyph.size / 2
            or not -1 < glyph.box[0] - line[-1].box[2] < 2 * glyph.size
        ):
            yield line
            line = []
        line.append(glyph)
    if line:
        yield line


def broken_links(content: bytes) -> list[str]:
    """Links and bookmarks that lead nowhere."""
    reader = pypdf.PdfReader(io.BytesIO(content))
    places = {name.removeprefix("/") for name in reader.named_destinations}
    pages = {page.indirect_reference.idnum for page in reader.pages if page.indirect_reference}
    found = [f"the bookmark {item.title!r} leads nowhere" for item in _outline(reader) if _page(reader, item) is None]
    for number, page in enumerate(reader.pages):
        for annotation in page.get("/Annots", ()):
            link = annotation.get_object()
            action = link.get("/A", DictionaryObject()).get_object()
            target = link.get("/Dest", action.get("/D"))
            uri = action.get("/URI")
            if uri is not None and not str(uri).startswith(("https://", "http://")):
                found.append(f"page {number + 1}: a link to {uri!r}")
            if uri is None and not (_named(target) in places or _explicit(target) in pages):
                found.append(f"page {number + 1}: a link to {target!r}, which is not there")
    return found


def _named(target: Any) -> str:
    return str(target).removeprefix("/")


def _explicit(target: Any) -> int | None:
    """The object number of the page that a destination written out begins with."""
    return target[0].idnum if isinstance(target, list) and isinstance(target[0], IndirectObject) else None


def bookmarks(content: bytes) -> list[str]:
    """The titles of the outline's highest level."""
    outline = pypdf.PdfReader(io.BytesIO(content)).outline
    return [str(item.title) for item in outline if not isinstance(item, list)]


def _outline(reader: pypdf.PdfReader) -> Iterator[Destination]:
    todo: list[Any] = [reader.outline]
    while todo:
        found = todo.pop()
        if isinstance(found, list):
            todo += found
        else:
            yield found


def _page(reader: pypdf.PdfReader, place: Destination) -> int | None:
    try:
        return reader.get_destination_page_number(place)
    except (KeyError, ValueError, AttributeError):
        return None


def unnamed(content: bytes, title: str, language: str) -> list[str]:
    """What a reader's software asks of a document and this one does not say."""
    reader = pypdf.PdfReader(io.BytesIO(content))
    catalog = reader.trailer["/Root"]
    found = []
    if not reader.metadata or reader.metadata.title != title:
        found.append("the title is missing")
    if catalog.get("/Lang") != language:
        found.append("the language is missing")
    if not catalog.get("/ViewerPreferences", {}).get("/DisplayDocTitle"):
        found.append("the window would show the file's name")
    return found
