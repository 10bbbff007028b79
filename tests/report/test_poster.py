"""The poster's sheets, which blocks stand on them, what gives way, and what they say is missing."""

from __future__ import annotations

import io
from itertools import combinations

import pypdf
import pypdfium2
import pytest
import zxingcpp
from lxml import etree
from reportlab.lib.utils import simpleSplit

from suite.analysis.facts import build_facts
from suite.cli.printing import FORMATS, poster_name
from suite.records import Plan
from suite.report.contents import contents_of
from suite.report.media import poster as poster_
from suite.report.media.fitting import GONE, Fitting, steps_of
from suite.report.media.poster import build_poster
from suite.report.media.sheets import SHEETS, Box
from suite.report.pdf import Pdf, lay_out
from suite.report.theme import theme, use
from tests.altered import mapped
from tests.report.inspect_pdf import bookmarks, glyphs, text
from tests.synthetic import phase1, record

MILLIMETRES = {"48x36": (48 * 25.4, 36 * 25.4), "a0-landscape": (1189, 841), "a0-portrait": (841, 1189)}
MOST_BLOCKS, MOST_LINES = 9, 3


@pytest.fixture(scope="module", params=FORMATS)
def sheet(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module", params=["embedded", "everything"])
def printed(request: pytest.FixtureRequest, sheet: str) -> Pdf:
    fixture = {"embedded": "contents", "everything": "whole"}[request.param]
    return build_poster(request.getfixturevalue(fixture), sheet)


def overlap(a: Box, b: Box) -> bool:
    wide = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    high = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    return wide > 0 and high > 0


@pytest.mark.parametrize("logo", [False, True])
@pytest.mark.parametrize("of", ["phase1", "everything"])
def test_frames_lie_apart_and_on_the_sheet(sheet, of, logo, whole):
    page = SHEETS[sheet](whole if of == "everything" else contents_of(build_facts(phase1())), logo)
    for a, b in combinations(page.frames.values(), 2):
        assert not overlap(a, b)
    for box in page.frames.values():
        assert box.width > 0 and box.height > 0 and box.x >= page.margin
        assert box.x + box.width <= page.width - page.margin + 1e-6 and box.y + box.height <= page.height


def test_the_sheets_of_the_command_are_those_that_have_a_geometry():
    assert tuple(SHEETS) == FORMATS
    assert [poster_name(s) for s in FORMATS] == ["poster.pdf", "poster-a0-landscape.pdf", "poster-a0-portrait.pdf"]


def test_the_sheet_has_its_size(sheet, printed):
    (page,) = pypdf.PdfReader(io.BytesIO(printed.content)).pages
    size = float(page.mediabox.width) / 72 * 25.4, float(page.mediabox.height) / 72 * 25.4
    assert size == pytest.approx(MILLIMETRES[sheet], abs=0.01)


def test_there_are_nine_blocks_at_most_and_none_stands_twice(sheet, whole):
    page = SHEETS[sheet](whole, True)
    blocks = [shown.key for held in page.blocks.values() for shown in held]
    assert page.large and page.large.key == "cliff" and "cliff" not in blocks
    assert len(blocks) == len(set(blocks))
    assert 6 < len(blocks) + len(("answer", "cliff", "what was measured")) <= MOST_BLOCKS


def test_one_figure_dominates(sheet, whole):
    """The large figure's frame is wider and taller than a block's, or as wide as the sheet."""
    page = SHEETS[sheet](whole, False)
    large, beside = page.frames["large"], max(page.frames[name].width for name in page.blocks)
    assert large.width > 1.2 * beside and large.height >= 400


@pytest.mark.parametrize("of", ["contents", "whole", "mapped"])
def test_no_caption_is_longer_than_three_lines(sheet, of, request, monkeypatch):
    contents = contents_of(build_facts(mapped())) if of == "mapped" else request.getfixturevalue(of)
    markup: list[str] = []
    monkeypatch.setattr(poster_, "lay_out", lambda rml: markup.append(rml) or lay_out(rml))
    build_poster(contents, sheet)
    root = etree.fromstring(markup[-1].encode())
    widths = {frame.get("id"): float(frame.get("width")) for frame in root.iter("frame")}
    size, found = theme().sizes.poster.caption, 0
    for column in root.iter("column"):
        for caption in column.iter("para"):
            if caption.get("style") == "cap":
                words = " ".join("".join(caption.itertext()).split())
                lines = simpleSplit(words, "Sans", size, widths[column.get("id")])
                assert len(lines) <= MOST_LINES, lines
                found += 1
    assert found >= 2


@pytest.mark.parametrize("records", [phase1, mapped, lambda: [record()]], ids=["phase1", "map", "dense"])
def test_no_column_is_empty_while_another_has_blocks(sheet, records):
    page = SHEETS[sheet](contents_of(build_facts(records())), False)
    sides = [page.blocks[name] for name in ("middle", "right") if name in page.blocks]
    assert all(sides) or not page.blocks["left"]


def test_columns_are_full_and_type_can_be_read(printed):
    columns = {name: fill for name, fill in printed.fills.items() if name in ("left", "middle", "right")}
    assert columns and all(0.85 <= fill <= 1.0 for fill in columns.values()), columns
    for glyph in glyphs(printed.content):
        assert glyph.size >= 24, glyph
        left, bottom, right, top = glyph.box
        assert left >= 72 and right <= glyph.sheet[0] - 72 and bottom >= 0 and top <= glyph.sheet[1], glyph


def test_a_team_s_logo_and_address_stand_on_every_sheet(sheet, contents, tmp_path):
    (tmp_path / "logo.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="30"><path d="M0 0h90v30z" fill="#DD00DD"/></svg>'
    )
    url = "https://example.org/a-team/and-its-lottery"
    (tmp_path / "team.yaml").write_text(
        f'title: Ours & theirs\nteam: {{name: A Team, authors: [B. Author], url: "{url}", logo: logo.svg}}\n'
    )
    try:
        use(tmp_path / "team.yaml")
        content = build_poster(contents, sheet).content
    finally:
        use(None)
    words = " ".join(text(content).split())
    assert "Ours & theirs" in words and "A Team · B. Author" in words and url in words
    image = pypdfium2.PdfDocument(content)[0].render(scale=0.3).to_pil()
    assert [found.text for found in zxingcpp.read_barcodes(image)] == [url]
    logo = [
        (red, green, blue) for _, (red, green, blue) in image.getcolors(2**24) if red > 180 > 60 > green and blue > 180
    ]
    assert logo, "the logo's colour is on the sheet"


def test_its_sections_are_its_bookmarks(whole):
    titles = set(bookmarks(build_poster(whole).content))
    assert {"What was measured", "Where does the ticket live?", "Is it universal?", "Limits", "References"} <= titles
    assert any(title.startswith("Past 42") for title in titles), "the cliff is titled by what it shows"


def test_it_says_what_was_measured_and_how_much_can_go(poster):
    words = " ".join(text(poster.content).replace("\u00a0", " ").split())
    assert "42 %" in words and "of the weights of story-mistral can go before perplexity rises 10 %" in words
    assert "a file 31.6 % smaller, decoding no faster, perplexity" in words
    assert "attention" in words and "Weight for weight, the attention layers matter more than the MLP layers" in words


def test_what_is_planned_and_not_measured_is_said():
    every = [one.experiment for one in phase1()]
    plan = Plan(name="phase1", title="The cliff", manifest="", experiments=tuple(every))
    some, all_ = (contents_of(build_facts(records, [plan])) for records in (phase1()[:-2], phase1()))
    said = " ".join(text(build_poster(some).content).split())
    assert "Not measured yet, of “The cliff”: 2 planned experiments" in said
    assert "Not measured yet" not in text(build_poster(all_).content)


def test_blocks_give_way_no_further_than_they_must():
    steps = steps_of({"left": [("own", 2), ("cliff", 0), ("says", 3)], "right": [("own", 1), ("map", 0)]})
    assert steps["left"][0] == {} and steps["left"][-1] == {"own": 2, "says": GONE, "cliff": GONE}
    for needed in range(len(steps["left"])):
        fitting, tries = Fitting(steps), 1
        while not fitting.learn({"left"} if fitting.chosen["left"] < needed else set()):
            tries += 1
        assert fitting.chosen == {"left": needed, "right": 0} and tries <= 6
        assert fitting.levels == steps["left"][needed]


def test_content_that_never_fits_ends_the_search():
    fitting = Fitting(steps_of({"left": [("says", 3)]}))
    for _ in range(20):
        if fitting.learn({"left"}):
            return
    raise AssertionError("the search went on for ever")
