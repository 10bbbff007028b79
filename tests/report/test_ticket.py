"""Promises of the search for a ticket in print: with and without other studies, whole and under way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from suite.analysis.facts import build_facts
from suite.cli.printing import FORMATS
from suite.records.schema import Record
from suite.report.contents import Contents, contents_of
from suite.report.drawing import draw
from suite.report.figures.style import Style
from suite.report.media.page import build_page
from suite.report.media.paper import build_paper, build_supplement
from suite.report.media.poster import build_poster
from tests.invented import record
from tests.report.inspect_pdf import text
from tests.trained import full, quick, training

POSTER, PAPER = Style(size=28, line=5.5), Style(size=7.6, line=1.25)
SIZES = {"poster": (630.0, 330.0), "paper": (243.0, 190.0)}


@pytest.fixture(scope="module")
def alone() -> Contents:
    return contents_of(build_facts(full()))


def said(content: bytes) -> str:
    return " ".join(text(content).replace("\u00a0", " ").split())


def shown(contents: Contents) -> str:
    return said(draw({"ticket": SIZES["paper"]}, contents, PAPER))


def without(records: list[Record], *arms: str) -> list[Record]:
    return [one for one in records if not one.experiment.training or one.experiment.training.arm not in arms]


@pytest.mark.parametrize("sheet", FORMATS)
def test_a_search_alone_has_a_poster_whose_large_figure_is_its_own(alone, sheet):
    poster = build_poster(alone, sheet)
    words = said(poster.content)
    assert "6.9 %" in words and "of the weights of net-46k, trained alone from their initial values" in words
    for part in ("Is there a winning ticket?", "random mask", "dense, longer", "networks trained"):
        assert part in words, part
    assert "Where does the ticket live?" not in words and "perplexity" not in words and "No curve yet" not in words


def test_a_search_alone_has_documents_that_tell_of_nothing_else(alone):
    paper, supplement = said(build_paper(alone).content), said(build_supplement(alone).content)
    page = build_page(alone).decode()
    for words in ("Is there a winning ticket?", "575 trainings over 5 seeds", "learning rate rewound"):
        assert words in paper, words
    for words in ("0 experiments", "How much can go?", "What had been said", "pruned run", "is no test of"):
        assert words not in paper, words
    assert "Every training" in supplement and "Every record" not in supplement
    found = alone.find("ticket").found
    assert all(cell.record.id[:10] in supplement for cell in found.search.cells)
    assert '<details class="section" id="ticket">' in page and 'id="cliff"' not in page and 'id="records"' not in page


def test_beside_other_studies_the_search_has_its_section_and_the_paper_says_what_it_adds(whole):
    paper = said(build_paper(whole).content)
    assert "shows how much of it is redundant, not that what is left could have been trained" in paper
    assert "no test of the lottery ticket hypothesis; a search in a small network is." in paper
    for cited in ("Linear mode connectivity", "pre-trained BERT", "Rethinking the value", "rewinding and fine-tuning"):
        assert cited in paper, cited
    supplement = said(build_supplement(whole).content)
    assert "Every training" in supplement and "Every record" in supplement


@pytest.mark.parametrize(
    "records",
    [
        lambda: quick((0,)),
        lambda: quick((0, 1), levels=2),
        lambda: without(quick(), "dense-longer"),
        lambda: without(quick(), "ticket"),
        lambda: [training()],
        lambda: [training("dense-longer")],
        lambda: [*full((0, 1)), training("small-dense", 7, level=4, error="out of memory & time")],
        lambda: [record(error="no such file"), *quick()],
        lambda: [record(), *quick((0, 1), law=lambda asked, share: 1.3 if asked.arm == "ticket" else 1.14)],
    ],
    ids=[
        "a-seed",
        "begun",
        "no-plateau",
        "no-ticket",
        "dense",
        "dense-longer",
        "a-failure",
        "failed-model",
        "no-match",
    ],
)
def test_a_search_under_way_prints(records: Callable[[], list[Record]]):
    contents = contents_of(build_facts(records()))
    for sheet in FORMATS:
        assert said(build_poster(contents, sheet).content)
    assert build_page(contents) and build_supplement(contents).content
    assert "winning ticket" in said(build_paper(contents).content)


def test_what_failed_in_a_search_is_told_with_its_reason():
    failed = training("small-dense", 7, level=4, error="out of memory & time")
    contents = contents_of(build_facts([*quick(), failed]))
    for words in (said(build_paper(contents).content), said(build_poster(contents).content)):
        assert "small-dense, level 4, seed 7: out of memory & time" in words


def test_the_picture_has_every_arm_where_there_is_room_and_the_classic_ones_where_there_is_not(alone):
    wide, narrow = shown(alone), said(draw({"ticket": SIZES["poster"]}, alone, POSTER))
    for arm in ("ticket", "fresh values", "random mask", "dense, longer"):
        assert arm in wide and arm in narrow, arm
    for arm in ("rate rewinding", "small and dense", "rewound to 5 %"):
        assert arm in wide and arm not in narrow, arm
    assert "down to 6.9 %" in wide


def test_losses_below_the_floor_are_drawn_as_they_are():
    lucky = [*quick(), training("ticket", 0, level=3, loss=1.05)]
    facts = build_facts(list({one.id: one for one in lucky}.values()))
    words = shown(contents_of(facts))
    assert "held-out loss" in words and "the grammar" in words and "over" not in words


def test_a_search_of_many_levels_keeps_to_the_columns_of_the_paper():
    found = []
    for seed in (0, 1):
        found += [training("dense", seed), training("dense-longer", seed)]
        for level in range(1, 61):
            found += [training(arm, seed, level=level) for arm in ("ticket", "random-reinit", "random")]
            found += [
                training("ticket", seed, level=level, rewind=0.05),
                training("ticket", seed, level=level, order=1),
            ]
            found += [training("early", seed, level=level, read=read) for read in (0.01, 0.1, 1.0)]
    contents = contents_of(build_facts(found))
    assert build_paper(contents).pages <= 4
    assert "The ticket by the share remaining" in said(build_supplement(contents).content)
