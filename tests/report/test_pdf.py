"""Promises of the finished PDFs."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys

import pypdf
import pytest

from suite.report.pdf import Pdf
from suite.report.theme import theme
from tests.report.inspect_pdf import (
    badly_filled,
    bookmarks,
    broken_links,
    orphaned_headings,
    outside,
    rasters,
    text,
    too_small,
    unembedded,
    unnamed,
)

ELSEWHERE = """
import hashlib, random
from suite.analysis.facts import build_facts
from suite.report.contents import contents_of
from suite.report.media.paper import build_paper, build_supplement
from suite.report.media.poster import build_poster
from tests.synthetic import embedded
records = embedded()
random.Random(3).shuffle(records)
contents = contents_of(build_facts(records))
for build in (build_poster, build_paper, build_supplement):
    print(hashlib.sha256(build(contents).content).hexdigest())
"""


@pytest.fixture(params=["poster", "paper", "supplement"])
def report(request: pytest.FixtureRequest) -> Pdf:
    return request.getfixturevalue(request.param)


def test_every_font_is_embedded_and_nothing_is_a_raster(report):
    assert unembedded(report.content) == [] == rasters(report.content)


def test_rebuilds_are_byte_identical_in_another_process_hash_seed_and_time_zone(poster, paper, supplement):
    changed = os.environ | {"PYTHONHASHSEED": "12345", "TZ": "Asia/Tokyo", "LC_ALL": "C", "LANG": "tr_TR.UTF-8"}
    result = subprocess.run([sys.executable, "-c", ELSEWHERE], env=changed, capture_output=True, text=True, check=True)
    assert result.stdout.split() == [hashlib.sha256(pdf.content).hexdigest() for pdf in (poster, paper, supplement)]


def test_the_poster_is_one_landscape_page_of_48_by_36_inches(poster):
    (page,) = pypdf.PdfReader(io.BytesIO(poster.content)).pages
    assert (page.mediabox.width, page.mediabox.height) == (48 * 72, 36 * 72)


def test_the_poster_fills_its_columns(poster):
    assert badly_filled(poster, short=("references", "made", "title")) == []


def test_no_type_on_the_poster_is_below_24_points_and_none_leaves_the_margins(poster):
    assert too_small(poster.content, 24) == [] == outside(poster.content, sides=72)


def test_no_type_in_paper_and_supplement_leaves_the_margins(paper, supplement):
    for pdf in (paper, supplement):
        assert outside(pdf.content, sides=50, ends=18) == []


def test_no_heading_stands_alone_at_the_foot_of_a_column(paper, supplement):
    for pdf, column in ((paper, 0.0), (supplement, 504.0)):
        assert orphaned_headings(pdf.content, theme().sizes.paper.heading * 0.8, column) == []


def test_documents_have_title_language_and_links_that_lead_somewhere(report, supplement):
    title = f"{theme().title}: supplement" if report is supplement else theme().title
    assert unnamed(report.content, title, "en") == [] == broken_links(report.content)


def test_paper_and_supplement_have_an_outline(paper, supplement):
    titles = ["Introduction", "Method", "Results", "Limits", "Reproducibility", "References"]
    assert bookmarks(paper.content) == titles
    tail = ["What the experiments took", "Inputs", "What failed", "Every record"]
    assert bookmarks(supplement.content)[-4:] == tail


def test_the_poster_says_what_made_its_numbers(poster):
    said = " ".join(text(poster.content).split())
    for part in ("40 %", "story-mistral", "15,300 tokens", "60 windows", "synthetic processor", "c0ffee0000"):
        assert part in said, part


def test_the_supplement_lists_every_record(supplement, facts):
    said = text(supplement.content)
    assert all(cell.record.id[:10] in said for cell in facts.cells)


def test_failures_are_printed_with_their_reason(poster, paper):
    for pdf in (poster, paper):
        said = " ".join(text(pdf.content).split())
        assert "n/m" in said and "a logit is not finite in window" in said
