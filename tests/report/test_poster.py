"""The poster's sheets, what gives way on them, and what they say is missing."""

from __future__ import annotations

import io
from itertools import combinations

import pypdf
import pytest
from suite.report.poster import build_poster, present
from suite.report.poster.detail import Detail, Fitting, steps_of
from suite.report.poster.sheets import SHEETS, Box

from suite.analysis.facts import build_facts
from suite.cli.printing import FORMATS, poster_name
from suite.records import Plan
from suite.report.pdf import Pdf
from tests.report.inspect_pdf import glyphs, text
from tests.synthetic import embedded, phase1

MILLIMETRES = {"48x36": (48 * 25.4, 36 * 25.4), "a0-landscape": (1189, 841), "a0-portrait": (841, 1189)}
EVERYTHING = frozenset(
    (
        *("why", "measured", "price", "says", "first_study", "lives", "universal", "storage", "forgotten", "faster"),
        *("cliff_numbers", "numbers", "limits"),
    )
)


@pytest.fixture(scope="module", params=FORMATS)
def sheet(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def printed(sheet: str) -> Pdf:
    return build_poster(build_facts(embedded()), sheet)


def overlap(a: Box, b: Box) -> bool:
    wide = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    high = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    return wide > 0 and high > 0


@pytest.mark.parametrize("logo", [False, True])
@pytest.mark.parametrize("there", [EVERYTHING, EVERYTHING - {"lives", "storage", "forgotten", "faster"}])
def test_frames_lie_apart_and_on_the_sheet(sheet, there, logo):
    page = SHEETS[sheet](there, logo)
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


@pytest.mark.parametrize("there", [EVERYTHING, EVERYTHING - {"lives", "universal"}])
def test_no_section_stands_twice_on_a_sheet(sheet, there):
    shown = [section for held in SHEETS[sheet](there, True).sections.values() for section in held]
    assert len(shown) == len(set(shown))


def test_every_section_there_is_stands_on_every_sheet(sheet):
    page = SHEETS[sheet](EVERYTHING - {"numbers"}, False)
    shown = {section for held in page.sections.values() for section in held}
    assert {"why", "measured", "price", "says", "lives", "universal", "storage", "forgotten", "limits"} <= shown


def test_columns_are_full_and_type_can_be_read(printed):
    columns = {name: fill for name, fill in printed.fills.items() if name in ("left", "middle", "right", "cliff")}
    assert columns and all(0.85 <= fill <= 1.0 for fill in columns.values()), columns
    for glyph in glyphs(printed.content):
        assert glyph.size >= 24, glyph
        left, bottom, right, top = glyph.box
        assert left >= 72 and right <= glyph.sheet[0] - 72 and bottom >= 0 and top <= glyph.sheet[1], glyph


def test_its_sections_are_its_bookmarks(printed):
    titles = [item.title for item in pypdf.PdfReader(io.BytesIO(printed.content)).outline]
    assert {"Why it matters", "What was measured", "Where does the ticket live?", "Limits", "References"} <= set(titles)
    assert any(title.startswith("The cliff: past") for title in titles)


def test_phase_1_alone_has_no_section_it_has_no_records_for(sheet):
    facts = build_facts(phase1())
    assert not present(facts) & {"lives", "universal"}
    said = text(build_poster(facts, sheet).content)
    assert "Where does the ticket live" not in said and "What the model says" in said and "Where is the cliff" in said


def test_what_is_planned_and_not_measured_is_said():
    every = [one.experiment for one in phase1()]
    plan = Plan(name="phase1", title="The cliff", manifest="", experiments=tuple(every))
    said = " ".join(text(build_poster(build_facts(phase1()[:-2], [plan])).content).split())
    assert f"Not measured yet, of “The cliff”: 2 of {len(every)} planned experiments" in said
    assert "Not measured yet" not in text(build_poster(build_facts(phase1(), [plan])).content)


def test_detail_gives_way_no_further_than_it_must():
    steps = steps_of({"left": ["says"], "right": ["limits"]})
    for needed in range(len(steps["left"])):
        fitting, tries = Fitting(steps), 1
        while not fitting.learn({"left"} if fitting.chosen["left"] < needed else set()):
            tries += 1
        assert fitting.chosen == {"left": needed, "right": 0} and tries <= 6
    assert fitting.detail.samples == 0 and fitting.detail.failures == Detail().failures


def test_content_that_never_fits_ends_the_search():
    fitting = Fitting(steps_of({"left": ["says"]}))
    for _ in range(20):
        if fitting.learn({"left"}):
            return
    raise AssertionError("the search went on for ever")
