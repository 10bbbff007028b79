"""Studies beyond plain pruning print whole: every sheet holds them, and every document says what they found."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from suite.report.page import FIGURE_STYLE, HEIGHTS, build_page
from suite.report.paper import build_paper
from suite.report.poster import build_poster, present
from suite.report.poster.sheets import SHEETS
from suite.report.rules import RULES

from suite.analysis.facts import Facts, build_facts
from suite.cli.printing import FORMATS
from suite.records import Plan
from suite.records.schema import Record
from suite.report.figures import draw
from suite.report.figures.style import Style
from suite.report.medium import HTML
from suite.report.templating import environment
from tests.altered import criteria, everything, mapped, precision, recovered, structured
from tests.invented import record
from tests.report.inspect_pdf import glyphs, text

STUDIES: dict[str, Callable[[], list[Record]]] = {
    "criteria": criteria,
    "precision": precision,
    "recovery": recovered,
    "structure": structured,
    "map": mapped,
}
FIGURES = {"criteria": criteria, "effort": criteria, "rounding": precision, "recovery": recovered}
FIGURES |= {"structure": structured, "map": mapped}
HEADINGS = {
    "criteria": ("What moves the cliff?", "Which criterion moves the cliff?"),
    "precision": ("Prune and quantise?", "Prune and quantise?"),
    "recovery": ("Does training heal it?", "Does training heal it?"),
    "structure": ("Taken out, not only zero", "Taken out, and not only zero"),
    "map": ("Layer by layer, part by part", "Layer by layer, part by part"),
}
POSTER, PAPER = Style(size=28, line=5.5), Style(size=7.6, line=1.25)


@pytest.fixture(scope="module")
def whole() -> Facts:
    return build_facts(everything())


def said(content: bytes) -> str:
    return " ".join(text(content).replace("\u00a0", " ").split())


@pytest.mark.parametrize("sheet", FORMATS)
def test_a_study_of_everything_fits_every_sheet(whole, sheet):
    words = said(build_poster(whole, sheet).content)
    for study in ("criteria", "recovery", "map"):
        assert HEADINGS[study][0] in words, study


@pytest.mark.parametrize("study", STUDIES)
def test_each_study_alone_has_its_section_in_every_document(study):
    facts = build_facts(STUDIES[study]())
    on_poster, elsewhere = HEADINGS[study]
    assert on_poster in said(build_poster(facts).content)
    assert elsewhere in said(build_paper(facts).content)
    assert f">{elsewhere.replace('out, and not', 'out, not')}</h2>" in build_page(facts).decode()


def test_a_study_of_plain_pruning_prints_none_of_it(facts, poster, paper):
    there = present(facts)
    assert not there & {"criteria", "recovery", "rounding", "structure", "map"}
    words = said(poster.content) + said(paper.content) + build_page(facts).decode()
    for heading in {title for pair in HEADINGS.values() for title in pair}:
        assert heading not in words


def test_the_sections_beside_the_cliff_are_the_first_of_those_that_are_there():
    there = {"why", "lives", "storage", "forgotten", "criteria", "recovery", "rounding", "structure", "map"}
    page = SHEETS["48x36"](there, False)
    assert {"criteria", "recovery"} < set(page.frames) and "storage" not in page.frames
    assert "rounding" in page.sections["left"] and "map" in page.sections["right"]
    assert "structure" not in {name for held in page.sections.values() for name in held}


@pytest.mark.parametrize("style", [POSTER, PAPER], ids=["poster", "paper"])
@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_drawn_with_type_no_smaller_than_the_document_s_ticks(name, style):
    size = (630.0, 330.0) if style is POSTER else (243.0, 150.0)
    content = draw({name: size}, build_facts(FIGURES[name]()), style)
    assert min(glyph.size for glyph in glyphs(content)) >= 0.92 * style.size - 0.01


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_without_its_facts_is_refused(name):
    with pytest.raises(ValueError):
        draw({name: (243.0, 150.0)}, build_facts([record()]), PAPER)


@pytest.mark.parametrize("name", FIGURES)
def test_figures_have_a_text_alternative_that_tells_their_values(name):
    facts = build_facts(FIGURES[name]())
    module = (
        environment(medium=HTML).get_template("page/alternatives.html.j2").make_module({"facts": facts, "rules": RULES})
    )
    title, words = str(getattr(module, f"{name}_title")()), " ".join(str(getattr(module, name)()).split())
    assert 20 < len(title) < 160 and len(words) > 80 and any(character.isdigit() for character in words)
    assert HEIGHTS[name](facts) and FIGURE_STYLE.size


def test_the_paper_says_how_what_was_done_is_done(whole):
    words = said(build_paper(whole).content)
    for rule in ("Wanda", "SparseGPT", "OWL", "N:M", "Neurons", "Layers", "E4M3", "AdamW"):
        assert rule in words, rule
    for cited in ("Accelerating sparse deep neural networks", "FP8 formats", "ShortGPT", "missing secret sauce"):
        assert cited in words, cited
    alone = said(build_paper(build_facts(mapped())).content)
    assert "SparseGPT removes what" not in alone and "AdamW" not in alone


def test_results_that_came_with_the_suite_are_marked_with_where_and_when_they_were_measured():
    records = precision()
    plan = Plan(
        name="rounded", title="Rounded", manifest="title: Rounded\n", experiments=tuple(r.experiment for r in records)
    )
    came = build_facts(records, [plan], shipped={one.seal for one in records})
    here = build_facts(records, [plan])
    assert came.studies[0].shipped and not here.studies[0].shipped
    assert "rounded on 2 cores of a synthetic processor, 2026-11-01" in said(build_paper(came).content)
    for build, words in ((build_poster, "hipped with the suite"), (build_paper, "came with the suite")):
        assert words in said(build(came).content) and words not in said(build(here).content)
    assert "shipped with the suite" in build_page(came).decode()


def test_studies_that_share_a_cell_both_have_it():
    cells = [record(measure=("perplexity",)), record(target="blocks", sparsity=0.5, measure=("perplexity",))]
    fuller = [record(), record(target="blocks", sparsity=0.3)]
    plans = [
        Plan(name=name, title=name, manifest="", experiments=tuple(r.experiment for r in records))
        for name, records in (("less", cells), ("more", fuller))
    ]
    facts = build_facts([*cells, *fuller], plans)
    assert [study.finished for study in facts.studies] == [2, 2] and facts.pending == ()
