"""Promises of the search for a ticket in print: with and without other studies, whole and under way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from suite.report.page import HEIGHTS, build_page
from suite.report.paper import build_paper
from suite.report.poster import build_poster, present
from suite.report.rules import RULES

from suite.analysis.facts import Facts, build_facts
from suite.cli.printing import FORMATS
from suite.records import Plan
from suite.records.schema import Record
from suite.report.figures import draw
from suite.report.figures.style import Style
from suite.report.medium import HTML
from suite.report.templating import environment
from tests.altered import everything
from tests.invented import record
from tests.report.inspect_pdf import glyphs, text
from tests.trained import full, quick, training

FIGURES = ("ticket", "survivors", "early")
POSTER, PAPER = Style(size=28, line=5.5), Style(size=7.6, line=1.25)
SIZES = {"poster": (630.0, 330.0), "paper": (243.0, 190.0), "wide": (1360.0, 520.0)}


@pytest.fixture(scope="module")
def alone() -> Facts:
    return build_facts(full())


@pytest.fixture(scope="module")
def together() -> Facts:
    return build_facts([*everything(), *full()])


def said(content: bytes) -> str:
    return " ".join(text(content).replace("\u00a0", " ").split())


def shown(name: str, facts: Facts, size: tuple[float, float] = SIZES["paper"]) -> str:
    return said(draw({name: size}, facts, PAPER))


def without(records: list[Record], *arms: str) -> list[Record]:
    return [one for one in records if not one.experiment.training or one.experiment.training.arm not in arms]


@pytest.mark.parametrize("sheet", FORMATS)
def test_a_search_alone_fills_a_poster_of_its_own(alone, sheet):
    words = said(build_poster(alone, sheet).content)
    for heading in ("The search: loss", "What does it owe to what?", "How early can it be told?", "What survives"):
        assert heading in words, heading
    assert "6.9 %" in words and "of the weights of net-46k, trained alone from their initial values" in words
    assert "Where does the ticket live?" not in words and "perplexity" not in words


@pytest.mark.parametrize("sheet", FORMATS)
def test_beside_other_studies_the_search_has_the_first_place_under_the_cliff(together, sheet):
    words = said(build_poster(together, sheet).content)
    assert "A winning ticket?" in words and "A winning ticket: 6.9 % of the weights" in words
    assert "The cliff: past" in words and "What moves the cliff?" in words


def test_a_search_alone_has_a_paper_and_a_page_that_tell_of_nothing_else(alone):
    paper, page = said(build_paper(alone).content), build_page(alone).decode()
    for words in ("Is there a winning ticket?", "redundancy", "trainability", "Rewinding", "rewinding and fine-tuning"):
        assert words in paper, words
    assert "575 networks were trained" in paper and "0 experiments" not in paper
    for words in ("The cliff", "Where is the cliff", "This is not a test", "The first study", "one-shot, without"):
        assert words not in paper, words
    assert 'id="ticket"' in page and 'id="cliff"' not in page and 'id="trainings-table"' in page


def test_the_paper_says_what_a_search_shows_that_pruning_does_not_and_no_longer_that_it_is_no_test(together):
    paper = said(build_paper(together).content)
    assert "What this shows, and what pruning a finished model does not." in paper
    assert "not a test of" in paper and "This is not a test of the lottery ticket hypothesis" not in paper
    assert "Not a test of the lottery ticket hypothesis." not in paper
    for cited in ("Linear mode connectivity", "pre-trained BERT", "Rethinking the value", "rewinding and fine-tuning"):
        assert cited in paper, cited
    assert "The cliff" in paper and "Every training that finished" in paper


def test_a_study_without_a_search_prints_nothing_of_it(facts, poster, paper):
    words = said(poster.content) + said(paper.content) + build_page(facts).decode()
    assert "ticket" not in present(facts) and "winning ticket?" not in words
    assert "This is not a test of the lottery ticket hypothesis" in said(paper.content)


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
    facts = build_facts(records())
    assert said(build_poster(facts).content) and said(build_paper(facts).content) and build_page(facts)


def test_what_failed_in_a_search_is_told_with_its_reason():
    facts = build_facts([*quick(), training("small-dense", 7, level=4, error="out of memory & time")])
    for words in (said(build_paper(facts).content), said(build_poster(facts).content)):
        assert "small-dense, level 4, seed 7: out of memory & time" in words


def test_results_that_came_with_the_suite_are_marked(alone):
    records = quick()
    plan = Plan(
        name="search", title="A search", manifest="title: A search\n", experiments=[r.experiment for r in records]
    )
    came = build_facts(records, [plan], shipped={one.seal for one in records})
    here = build_facts(records, [plan])
    for build, words in ((build_poster, "hipped with the suite"), (build_paper, "came with the suite")):
        assert words in said(build(came).content) and words not in said(build(here).content)
    assert "shipped with the suite" in build_page(came).decode()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_drawn_with_type_no_smaller_than_the_document_s_ticks(name, size, alone):
    style = PAPER if size == "paper" else POSTER
    width, height = SIZES[size]
    found = glyphs(draw({name: SIZES[size]}, alone, style))
    assert min(glyph.size for glyph in found) >= 0.92 * style.size - 0.01
    for left, bottom, right, top in (glyph.box for glyph in found):
        assert left > -1 and bottom > -1 and right < width + 1 and top < height + 1, "cut off at the edge"


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_without_its_facts_is_refused(name):
    with pytest.raises(ValueError):
        draw({name: (243.0, 150.0)}, build_facts([record()]), PAPER)


@pytest.mark.parametrize("name", FIGURES)
def test_figures_have_a_text_alternative_that_tells_their_values(name, alone):
    module = environment(medium=HTML).get_template("page/alternatives.html.j2")
    words = module.make_module({"facts": alone, "rules": RULES})
    title, told = str(getattr(words, f"{name}_title")()), " ".join(str(getattr(words, name)()).split())
    assert 20 < len(title) < 160 and len(told) > 80 and any(character.isdigit() for character in told)
    assert HEIGHTS[name](alone)


def test_the_picture_has_every_arm_where_there_is_room_and_the_classic_ones_where_there_is_not(alone):
    wide, narrow = shown("ticket", alone), said(draw({"ticket": SIZES["poster"]}, alone, POSTER))
    for arm in ("ticket", "fresh values", "random mask", "dense, longer"):
        assert arm in wide and arm in narrow, arm
    for arm in ("rate rewinding", "small and dense", "rewound to 5 %"):
        assert arm in wide and arm not in narrow, arm
    assert "down to 6.9 %" in wide


def test_losses_below_the_floor_are_drawn_as_they_are():
    lucky = [*quick(), training("ticket", 0, level=3, loss=1.05)]
    facts = build_facts(list({one.id: one for one in lucky}.values()))
    words = shown("ticket", facts)
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
    assert "Table 3. The ticket by the share remaining" in said(build_paper(build_facts(found)).content)
