"""What a finished PDF is asked: its fonts, its images, its glyphs."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, NamedTuple

import pypdf
import pypdfium2
from pypdfium2 import raw


class Glyph(NamedTuple):
    """A printed character: its box (left, bottom, right, top) and size in points, and the page's size."""

    page: int
    text: str
    box: tuple[float, float, float, float]
    size: float
    sheet: tuple[float, float]


def text(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)


def resources(content: bytes) -> Iterator[tuple[str, Any]]:
    """Every font and every XObject, those inside forms inside forms too."""
    todo = [page["/Resources"].get_object() for page in pypdf.PdfReader(io.BytesIO(content)).pages]
    while todo:
        found = todo.pop()
        for kind in ("/Font", "/XObject"):
            for item in found.get(kind, pypdf.generic.DictionaryObject()).get_object().values():
                item = item.get_object()
                yield kind, item
                if kind == "/XObject" and "/Resources" in item:
                    todo.append(item["/Resources"].get_object())


def glyphs(content: bytes) -> Iterator[Glyph]:
    document = pypdfium2.PdfDocument(content)
    for number in range(len(document)):
        page = document[number]
        page_text = page.get_textpage()
        for i in range(page_text.count_chars()):
            character = chr(raw.FPDFText_GetUnicode(page_text.raw, i))
            if character.isspace() or ord(character) < 32:
                continue
            matrix = raw.FS_MATRIX()
            raw.FPDFText_GetMatrix(page_text.raw, i, matrix)
            size = raw.FPDFText_GetFontSize(page_text.raw, i) * (matrix.c**2 + matrix.d**2) ** 0.5
            yield Glyph(number, character, page_text.get_charbox(i), size, page.get_size())
