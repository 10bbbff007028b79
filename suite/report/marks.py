"""A team's marks as vectors: the QR code of its address, and its logo."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pikepdf
from lxml import etree
from reportlab.graphics import renderPDF
from reportlab.graphics.barcode.qrencoder import QRCode, QRErrorCorrectLevel
from reportlab.pdfgen.canvas import Canvas
from svglib.svglib import svg2rlg

from suite.errors import InputError
from suite.report.fonts import register
from suite.report.theme import theme

Size = tuple[float, float]  # width, height, points

QUIET = 4  # modules of white around a QR code, as its standard (ISO/IEC 18004) asks for
OUTLINES_ONLY = {
    "text": "turn its text into outlines",
    "image": "leave pictures out of it",
    "foreignObject": "leave foreign objects out of it",
    "script": "leave scripts out of it",
}


def with_marks(places: Mapping[str, Size], draw: Callable[[Mapping[str, Size]], bytes]) -> bytes:
    """The pages of `draw`, and among them those of the marks `qr` and `logo`, in the order of `places`.

    Raises:
        InputError: the logo cannot be printed.
    """
    team = theme().team
    own: dict[str, bytes] = {}
    for name, size in places.items():
        if name == "qr" and team.url:
            own[name] = qr(team.url, *size)
        elif name == "logo" and team.logo:
            own[name] = logo(team.logo, *size)
    drawn = draw({name: size for name, size in places.items() if name not in own})
    if not own:
        return drawn
    with pikepdf.open(io.BytesIO(drawn)) if drawn else pikepdf.new() as pdf:
        for index, name in enumerate(places):
            if name in own:
                with pikepdf.open(io.BytesIO(own[name])) as mark:
                    pdf.pages.insert(index, mark.pages[0])
        out = io.BytesIO()
        pdf.save(out, deterministic_id=True)
    return out.getvalue()


def qr(url: str, width: float, height: float) -> bytes:
    """A QR code with its quiet zone, in the theme's navy on white, as a PDF page of this size."""
    code = QRCode(None, QRErrorCorrectLevel.M)
    code.addData(url)
    code.make()
    count = code.getModuleCount()
    side = min(width, height)
    module = side / (count + 2 * QUIET)
    canvas, buffer = _page(width, height)
    canvas.setFillColor("#FFFFFF")
    canvas.rect(0, height - side, side, side, stroke=0, fill=1)
    canvas.setFillColor(theme().colours["navy"])
    path = canvas.beginPath()  # one path: neighbours of separate ones would show hairlines between them
    for row in range(count):
        for column in range(count):
            if code.isDark(row, column):
                path.rect((column + QUIET) * module, height - (row + 1 + QUIET) * module, module, module)
    canvas.drawPath(path, stroke=0, fill=1)
    return _finished(canvas, buffer)


def logo(path: Path, width: float, height: float) -> bytes:
    """The logo as large as fits, at the upper right of a PDF page of this size.

    Raises:
        InputError: it cannot be read, or is not made of outlines alone.
    """
    drawing = read_logo(path)
    scale = min(width / drawing.width, height / drawing.height)
    canvas, buffer = _page(width, height)
    canvas.translate(width - scale * drawing.width, height - scale * drawing.height)
    canvas.scale(scale, scale)
    renderPDF.draw(drawing, canvas, 0, 0)
    return _finished(canvas, buffer)


def read_logo(path: Path) -> Any:
    """The logo as a ReportLab drawing. Raises: InputError: see `logo`."""
    try:
        root = etree.fromstring(path.read_bytes(), etree.XMLParser(resolve_entities=False, no_network=True))
    except (OSError, etree.XMLSyntaxError) as error:
        why = getattr(error, "strerror", None) or "it is not SVG"
        raise InputError(f"the theme's logo {path} cannot be read: {why}") from error
    for element in root.iter(etree.Element):
        name = etree.QName(element).localname
        if name in OUTLINES_ONLY:
            raise InputError(
                f"the theme's logo {path} holds <{name}>: {OUTLINES_ONLY[name]}, so that it prints anywhere"
            )
        for attribute, value in element.items():
            if etree.QName(attribute).localname == "href" and not value.startswith("#"):
                raise InputError(f"the theme's logo {path} refers to {value!r}: put into it what it shows")
    try:
        drawing = svg2rlg(str(path), external_reference_root=str(path.parent))
    except Exception as error:  # svglib raises whatever comes up
        raise InputError(f"the theme's logo {path} cannot be drawn: {error}") from error
    if drawing is None or drawing.width <= 0 or drawing.height <= 0:
        raise InputError(f"the theme's logo {path} is no SVG picture with a width and a height")
    return drawing


def _page(width: float, height: float) -> tuple[Canvas, io.BytesIO]:
    register()
    buffer = io.BytesIO()
    return Canvas(buffer, pagesize=(width, height), invariant=1, initialFontName="Sans"), buffer


def _finished(canvas: Canvas, buffer: io.BytesIO) -> bytes:
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()
