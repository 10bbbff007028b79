"""Each question of `inspect_pdf` is a guard: it rejects a page broken on purpose, and passes the mended one."""

from __future__ import annotations

import io
from collections.abc import Callable

import pikepdf
import pytest
from reportlab.pdfgen.canvas import Canvas

from suite.report.fonts import register
from suite.report.pdf import Pdf
from tests.report import inspect_pdf

Paint = Callable[[Canvas], None]


def page(paint: Paint, **options: str) -> bytes:
    """One page of 400 by 300 points."""
    register()
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(400, 300), initialFontName="Sans", **options)
    paint(canvas)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def words(x: float = 100, y: float = 150, size: float = 24, font: str = "Sans", said: str = "Words") -> Paint:
    def paint(canvas: Canvas) -> None:
        canvas.setFont(font, size)
        canvas.drawString(x, y, said)

    return paint


def both(*parts: Paint) -> Paint:
    def paint(canvas: Canvas) -> None:
        for part in parts:
            part(canvas)

    return paint


SOUND = page(words())


def nested(content: bytes, depth: int = 2) -> bytes:
    """The page as a form inside a form on a page of its own."""
    for _ in range(depth):
        with pikepdf.open(io.BytesIO(content)) as inner, pikepdf.new() as pdf:
            form = pdf.copy_foreign(inner.pages[0].as_form_xobject())
            pdf.add_blank_page(page_size=(400, 300))
            pdf.pages[0].Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Inner=form))
            pdf.pages[0].Contents = pdf.make_stream(b"/Inner Do")
            out = io.BytesIO()
            pdf.save(out)
        content = out.getvalue()
    return content


def picture() -> bytes:
    """Two pixels inside a form inside a form."""
    with pikepdf.open(io.BytesIO(SOUND)) as pdf:
        image = pdf.make_stream(b"\x00\xff")
        image.Type, image.Subtype, image.Width, image.Height = pikepdf.Name.XObject, pikepdf.Name.Image, 2, 1
        image.ColorSpace, image.BitsPerComponent = pikepdf.Name.DeviceGray, 8
        pdf.pages[0].Resources.XObject = pikepdf.Dictionary(Picture=image)
        pdf.pages[0].contents_add(pdf.make_stream(b"q 99 0 0 99 9 9 cm /Picture Do Q"))
        out = io.BytesIO()
        pdf.save(out)
    return nested(out.getvalue())


def inline() -> bytes:
    """A picture written into the page's own stream, which no list of resources shows."""
    with pikepdf.open(io.BytesIO(SOUND)) as pdf:
        stream = b"q 99 0 0 99 9 9 cm BI /W 2 /H 1 /CS /G /BPC 8 ID \x00\xff EI Q"
        pdf.pages[0].contents_add(pdf.make_stream(stream))
        out = io.BytesIO()
        pdf.save(out)
    return out.getvalue()


def test_a_font_that_is_not_in_the_file_is_found_also_inside_forms():
    assert inspect_pdf.unembedded(SOUND) == [] == inspect_pdf.unembedded(nested(SOUND))
    bad = page(both(words(), words(font="Helvetica")))
    assert "Helvetica" in inspect_pdf.unembedded(bad)[0] and "Helvetica" in inspect_pdf.unembedded(nested(bad))[0]


@pytest.mark.parametrize("bad", [picture, inline])
def test_a_raster_is_found_also_inside_forms_and_streams(bad):
    assert inspect_pdf.rasters(SOUND) == [] == inspect_pdf.rasters(nested(SOUND))
    assert inspect_pdf.rasters(bad())


def test_small_type_is_found_also_where_a_form_scales_it():
    def shrunk(canvas: Canvas) -> None:
        canvas.scale(0.5, 0.5)
        words()(canvas)

    assert "Words" in inspect_pdf.text(nested(SOUND))
    assert inspect_pdf.too_small(SOUND, 24) == [] == inspect_pdf.too_small(nested(SOUND), 24)
    assert len(inspect_pdf.too_small(page(words(size=23.5)), 24)) == len("Words")
    assert inspect_pdf.too_small(page(shrunk), 24) and inspect_pdf.too_small(nested(page(shrunk)), 24)


@pytest.mark.parametrize(("x", "y"), [(40, 150), (360, 150), (100, -8), (100, 295), (-500, 150)])
def test_type_outside_the_margins_is_found(x, y):
    assert inspect_pdf.outside(SOUND, sides=50, ends=10) == []
    assert inspect_pdf.outside(page(words(x, y)), sides=50, ends=10)


@pytest.mark.parametrize(("fill", "is_fault"), [(0.849, True), (0.85, False), (1.0, False), (1.01, True)])
def test_a_column_must_be_85_to_100_per_cent_full(fill, is_fault):
    pdf = Pdf(SOUND, 1, {"left": fill, "made": 0.3})
    assert bool(inspect_pdf.badly_filled(pdf, short=("made",))) == is_fault
    assert inspect_pdf.badly_filled(Pdf(SOUND, 1, {"made": 1.2}), short=("made",))


def test_a_heading_with_its_text_in_the_next_column_is_found():
    heading = words(x=20, y=40, size=14, font="Sans-Bold", said="Heading")
    body = [words(x=20, y=y, size=10, said="body of the text") for y in (20, 8)]
    elsewhere = [words(x=220, y=y, size=10, said="body of the text") for y in (280, 268, 20)]
    assert inspect_pdf.orphaned_headings(page(both(heading, *body)), 13) == []
    assert "Heading" in inspect_pdf.orphaned_headings(page(both(heading, *elsewhere)), 13)[0]


def test_a_link_or_bookmark_that_leads_nowhere_is_found():
    def linked(target: str) -> Paint:
        def paint(canvas: Canvas) -> None:
            words()(canvas)
            canvas.bookmarkPage("there")
            canvas.linkRect("", "there", (9, 9, 20, 20))
            canvas.linkURL(target, (30, 9, 40, 20))

        return paint

    sound = page(linked("https://example.org"))
    assert inspect_pdf.broken_links(sound) == []
    assert "javascript" in inspect_pdf.broken_links(page(linked("javascript:alert(1)")))[0]
    with pikepdf.open(io.BytesIO(sound)) as pdf:
        for annotation in pdf.pages[0].Annots:
            if "/Dest" in annotation:
                annotation.Dest = pikepdf.Name("/nowhere")
        out = io.BytesIO()
        pdf.save(out)
    assert "nowhere" in inspect_pdf.broken_links(out.getvalue())[0]


def test_a_document_without_title_or_language_is_found():
    def named(canvas: Canvas) -> None:
        words()(canvas)
        canvas.setTitle("Title")
        canvas.setViewerPreference("DisplayDocTitle", "true")

    assert len(inspect_pdf.unnamed(SOUND, "Title", "en")) == 3
    assert inspect_pdf.unnamed(page(named, lang="en"), "Title", "en") == []
    assert inspect_pdf.unnamed(page(named, lang="en"), "Other", "de") == [
        "the title is missing",
        "the language is missing",
    ]
