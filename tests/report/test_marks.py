"""A team's marks print as vectors: the QR code leads to its address, the logo is made of outlines."""

from __future__ import annotations

import io
from pathlib import Path

import pypdf
import pypdfium2
import pytest
import zxingcpp

from suite.errors import InputError
from suite.report.marks import logo, qr, with_marks
from suite.report.theme import use

OUTLINES = '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="100" viewBox="0 0 200 100">{}</svg>'
SHAPE = '<rect x="10" y="10" width="180" height="80" fill="#0072B2"/>'


@pytest.fixture
def team(tmp_path: Path):
    """Prints with a team's theme, and with the suite's own again afterwards."""

    def print_with(**values: str | None) -> None:
        said = "\n".join(f"  {key}: {value}" for key, value in values.items())
        (tmp_path / "team.yaml").write_text(f"team:\n{said}\n", encoding="utf-8")
        use(tmp_path / "team.yaml")

    yield print_with
    use(None)


@pytest.mark.parametrize(
    "url", ["https://example.org", "https://example.org/" + "a-long-path/" * 20, "http://example.org/?a=1&b=%20#c"]
)
def test_a_scanner_reads_the_address_from_the_code(url):
    page = pypdfium2.PdfDocument(qr(url, 240, 240))[0]
    (found,) = zxingcpp.read_barcodes(page.render(scale=2).to_pil())
    assert found.text == url and "QR" in str(found.format)


def test_the_code_keeps_four_modules_of_white_around_it():
    image = pypdfium2.PdfDocument(qr("https://example.org", 200, 200))[0].render(scale=4).to_pil().convert("L")
    dark = [i for i in range(image.width) if image.crop((i, 0, i + 1, image.height)).getextrema()[0] < 128]
    modules = 25  # a version 2 code holds 26 characters at this level of correction
    assert dark[0] == pytest.approx(4 / (modules + 8) * image.width, abs=2)


def test_marks_stand_among_the_figures_in_their_order(team):
    team(url="https://example.org")

    def draw(places):
        writer = pypdf.PdfWriter()
        for size in places.values():
            writer.add_blank_page(*size)
        out = io.BytesIO()
        writer.write(out)
        return out.getvalue()

    pages = pypdf.PdfReader(io.BytesIO(with_marks({"a": (10, 20), "qr": (240, 240), "z": (30, 40)}, draw))).pages
    assert [float(page.mediabox.width) for page in pages] == [10, 240, 30]


def test_a_code_stands_alone_where_there_is_no_figure(team):
    team(url="https://example.org")
    content = with_marks({"qr": (240, 240)}, lambda places: b"")
    assert len(pypdf.PdfReader(io.BytesIO(content)).pages) == 1


def test_a_logo_fills_its_place_and_keeps_its_shape(tmp_path: Path):
    path = tmp_path / "logo.svg"
    path.write_text(OUTLINES.format(SHAPE), encoding="utf-8")
    image = pypdfium2.PdfDocument(logo(path, 400, 300))[0].render(scale=1).to_pil().convert("L")
    left, upper, right, lower = image.point(lambda v: 255 * (v < 200)).getbbox()
    assert (left, upper, right, lower) == pytest.approx((20, 20, 380, 180), abs=3)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (OUTLINES.format("<text>hello</text>"), "turn its text into outlines"),
        (OUTLINES.format('<image href="x.png"/>'), "leave pictures out"),
        (OUTLINES.format("<script>1</script>"), "leave scripts out"),
        (OUTLINES.format('<use href="other.svg#x"/>'), "refers to 'other.svg#x'"),
        (
            OUTLINES.format('<use xmlns:l="http://www.w3.org/1999/xlink" l:href="/etc/x.svg"/>'),
            "refers to '/etc/x.svg'",
        ),
        ("<svg xmlns='http://www.w3.org/2000/svg' width='wide' height='1'/>", "cannot be drawn|no SVG picture"),
        ("not an svg", "it is not SVG"),
        (None, "No such file"),
    ],
)
def test_a_logo_that_cannot_print_everywhere_is_refused_in_one_sentence(tmp_path: Path, content, said):
    path = tmp_path / "logo.svg"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=said) as error:
        logo(path, 100, 100)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_an_entity_of_a_logo_reads_no_file(tmp_path: Path):
    secret = tmp_path / "secret.txt"
    secret.write_text("M0 0", encoding="utf-8")
    path = tmp_path / "logo.svg"
    entity = f'<!DOCTYPE svg [<!ENTITY x SYSTEM "{secret}">]>'
    path.write_text(entity + OUTLINES.format(f"<desc>&x;</desc>{SHAPE}"), encoding="utf-8")
    assert b"M0 0" not in logo(path, 100, 100)
