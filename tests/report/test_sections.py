"""A section is one place: two files add it to every document, and each has the words that it needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import jinja2
import lxml.html
import pytest

from suite.analysis.facts import build_facts
from suite.analysis.models import ModelFacts
from suite.analysis.values import Claim, NotMeasured, Verdict
from suite.paths import TEMPLATES
from suite.records.schema import Interval, Record
from suite.report import contents as contents_
from suite.report import tables, wording
from suite.report.contents import Contents, contents_of
from suite.report.format import FormatError, num, ppl
from suite.report.media.page import build_page
from suite.report.media.paper import build_paper, build_supplement
from suite.report.media.poster import build_poster
from suite.report.medium import HTML, RML
from suite.report.section import Block, Column, Figure, Section, Table
from suite.report.sections import SECTIONS
from suite.report.wording import Wording
from tests.altered import criteria, mapped, precision, recovered, structured
from tests.report.inspect_pdf import text
from tests.synthetic import embedded, phase1, record
from tests.trained import quick

ADJECTIVES = re.compile(r"\b(significant|dramatic|huge|great|slight|nearly|almost|likely|clear)\w*", re.IGNORECASE)
Found = tuple[ModelFacts, ...]
WORDS = """{% macro lead() %}{{ figure("tokens") }} and {{ table("tokens") }} count the tokens.{% endmacro %}
{% macro figure_tokens() %}A bar of tokens for {{ counted(found|length, "model") }}.{% endmacro %}
{% macro table_tokens() %}Every model and its dense perplexity.{% endmacro %}
{% macro poster(level=0) %}What the poster says of tokens.{% endmacro %}
"""
TOKENS: Section[Found] = Section(
    key="tokens",
    title="How many tokens are there?",
    find=lambda facts: facts.models or None,
    claims=lambda found: (Claim("tokens_enough", "There are tokens enough", Verdict.MOSTLY, "in 3 of 4 models"),),
    figures=(
        Figure(
            "tokens",
            lambda axes, found, style: axes.bar([0], [len(found)], color="black"),
            100.0,
            table="tokens",
        ),
    ),
    tables=(
        Table(
            "tokens",
            lambda found: [
                Column("Model", lambda model: model.name),
                Column("Dense", lambda model: model.dense_perplexity, ppl),
            ],
            lambda found: found,
            paper=True,
        ),
    ),
    poster=Block("right", "tokens"),
)


def said(content: bytes) -> str:
    return " ".join(text(content).replace("\u00a0", " ").split())


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Contents]:
    """The contents of a study with `TOKENS` among the sections, its words in a folder laid over the suite's."""
    before = wording.environment

    def environment(**given: object) -> jinja2.Environment:
        env = before(**given)
        env.loader = jinja2.FileSystemLoader([tmp_path, TEMPLATES])
        return env

    def with_words(source: str) -> Contents:
        (tmp_path / "sections").mkdir(exist_ok=True)
        (tmp_path / "sections" / "tokens.j2").write_text(source, encoding="utf-8")
        return contents_of(build_facts(phase1()))

    monkeypatch.setattr(wording, "environment", environment)
    monkeypatch.setattr(contents_, "SECTIONS", (*SECTIONS, TOKENS))
    return with_words


def test_a_section_is_added_by_two_files_to_every_document(added):
    contents = added(WORDS)
    poster, paper = said(build_poster(contents).content), said(build_paper(contents).content)
    supplement, page = said(build_supplement(contents).content), build_page(contents).decode()
    root = lxml.html.document_fromstring(page)
    for words in (poster, paper, supplement, page):
        assert TOKENS.title in words
    assert "What the poster says of tokens." in poster
    assert "count the tokens." in paper and "There are tokens enough: mostly, in 3 of 4 models." in paper
    assert re.search(r"Figure \d+\. A bar of tokens for 1 model\.", paper)
    assert re.search(r"Table \d+\. Every model and its dense perplexity\. Model Dense story-mistral 1\.47", paper)
    assert "Every model and its dense perplexity." in supplement
    (section,) = root.xpath("//details[@id='tokens']")
    assert section.xpath(".//figure[@id='figure-tokens']//*[@id='tokens-desc']")[0].text == "story-mistral: dense 1.47."
    assert section.xpath(".//table//td[@data-value]") and "There are tokens enough." in section.text_content()


@pytest.mark.parametrize("missing", ["figure_tokens", "table_tokens"])
def test_a_section_without_a_caption_is_refused_by_name(added, missing):
    contents = added(WORDS.replace(missing, "nothing"))
    with pytest.raises(KeyError, match=f"templates/sections/tokens.j2 has no caption `{missing}`"):
        build_supplement(contents) if missing.startswith("table") else build_page(contents)


def test_a_section_without_words_is_refused_by_name(added, tmp_path):
    contents = added(WORDS)
    (tmp_path / "sections" / "tokens.j2").unlink()
    with pytest.raises(KeyError, match="templates/sections/tokens.j2"):
        build_page(contents)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.key)
def test_a_words_file_has_a_lead_and_a_caption_for_each_figure_and_table(section):
    source = (TEMPLATES / "sections" / f"{section.key}.j2").read_text(encoding="utf-8")
    macros = re.findall(r"\{% macro (\w+)\(", source)
    wanted = {"lead", *(f"figure_{f.key}" for f in section.figures), *(f"table_{t.key}" for t in section.tables)}
    assert wanted | ({"poster"} if section.poster else set()) <= set(macros)
    captions = {name for name in macros if name.startswith(("figure_", "table_"))}
    assert captions <= wanted, "a caption of nothing"


def test_keys_are_told_apart():
    for keys in (
        [section.key for section in SECTIONS],
        [figure.key for section in SECTIONS for figure in section.figures],
        [table.key for section in SECTIONS for table in section.tables],
    ):
        assert len(set(keys)) == len(keys)
    for section in SECTIONS:
        assert {figure.table for figure in section.figures} <= {table.key for table in section.tables}
        assert section.poster is None or section.poster.figure in {None, *(figure.key for figure in section.figures)}


ALONE: dict[str, Callable[[], list[Record]]] = {
    "criteria": criteria,
    "precision": precision,
    "recovery": recovered,
    "structure": structured,
    "map": mapped,
    "ticket": quick,
    "universal": embedded,
}


@pytest.mark.parametrize("key", ALONE)
def test_a_study_has_its_section_in_every_document_under_one_title(key):
    contents = contents_of(build_facts(ALONE[key]()))
    shown = contents.find(key)
    assert shown is not None
    poster = said(build_poster(contents).content)
    assert shown.title in poster or key == "ticket", "alone, its figure is the large one"
    assert shown.title in said(build_paper(contents).content)
    assert f"<h2>{shown.title}</h2>" in build_page(contents).decode()


def test_a_study_of_plain_pruning_prints_none_of_them(contents, poster, paper, supplement, page):
    keys = {"criteria", "recovery", "precision", "structure", "map", "patterns", "ticket"}
    assert not keys & {shown.key for shown in contents.sections}
    words = said(poster.content) + said(paper.content) + said(supplement.content) + page.decode()
    assert not [section.title for section in SECTIONS if section.key in keys and section.title in words]


# Claims


def test_claims_are_sentences_without_adjectives_that_end_once(whole):
    words = Wording(whole, RML, "paper")
    assert len(whole.claims) > 25
    for claim in whole.claims.values():
        sentence = words.claim(claim).striptags()
        assert not ADJECTIVES.findall(sentence) and not sentence.endswith("..") and not claim.statement.endswith(".")
        assert sentence.startswith(f"{claim.statement}: {claim.verdict.value}, ".replace("\u00a0", " "))
        assert re.search(r"\d|nothing was measured|no dense", claim.evidence), f"{claim.name} rests on no number"


def test_claims_say_the_same_in_every_language_and_escape_what_models_are_called():
    nasty = "</para><b>{{ 1/0 }}</b> & \u0416"
    cells = [record(model=nasty), record(model=nasty, target="blocks", sparsity=0.5, criterion="wanda")]
    cells.append(record(model=nasty, target="blocks", sparsity=0.5))
    contents = contents_of(build_facts(cells))
    for claim in contents.claims.values():
        rml, html = (Wording(contents, medium, "paper").claim(claim).striptags() for medium in (RML, HTML))
        assert rml == html
    named = [one for one in contents.claims.values() if "1/0" in one.evidence]
    assert named and "<b>{{" not in Wording(contents, RML, "paper").claim(named[0])


# Tables


class Row:
    """A row of a table under test."""

    def __init__(self, name: str, value: object) -> None:
        self.name, self.value = name, value


def table_of(values: Iterable[object], worst: float | None = None) -> Table[None, Row]:
    rows = [Row(f"row {index} <b>", value) for index, value in enumerate(values)]
    columns = [Column("Name", lambda row: row.name), Column("Value", lambda row: row.value, num, worst=worst)]
    return Table("t", lambda _: columns, lambda _: rows)


def test_a_value_is_set_alike_in_every_medium_and_what_was_not_measured_says_so():
    interval, missing = Interval(low=0.5, high=1.25, level=0.95), NotMeasured("no & time")
    table = table_of([1.5, interval, missing, None])
    rml, html = tables.rml(table, None, 243, 8), tables.html(table, None, RML.printable("Caption"))
    told = tables.words(table, None)
    for markup in (rml, html):
        assert "1.50" in markup and "0.50–1.25" in markup and ">n/m<" in markup and "–</" in markup
        assert "row 0 &lt;b&gt;" in markup
    assert told == ("row 0 <b>: value 1.50. row 1 <b>: value 0.50–1.25. row 2 <b>: value n/m. row 3 <b>: value –.")
    assert 'title="not measured: no &amp; time"' in html and html.count("data-value") == 2


def test_a_value_without_a_format_stops_the_build():
    bare = Table("t", lambda _: [Column("Value", lambda row: row.value)], lambda _: [Row("a", 1.5)])
    for build in (lambda: tables.rml(bare, None, 243, 8), lambda: tables.words(bare, None)):
        with pytest.raises(FormatError):
            build()


def test_harm_is_shaded_and_what_is_missing_is_not_on_the_scale():
    table = table_of([1.0, 10.0, NotMeasured("no")], worst=10.0)
    html = tables.html(table, None, RML.printable("Caption"))
    assert "shade-0" in html and "shade-10" in html and '"n missing"' in html
    assert tables.rml(table, None, 243, 8).count("background=") == 3


@pytest.mark.parametrize("width", [243.0, 504.0])
def test_a_table_is_as_wide_as_its_place_and_long_names_give_way(width):
    rows = [Row("a very long name of a model " * 3, 1.5), Row("short", 2.5)]
    columns = [Column("Name", lambda row: row.name)]
    columns += [Column(f"Value {i}", lambda row: row.value, num, short=f"{i}") for i in range(6)]
    table = Table("t", lambda _: columns, lambda _: rows)
    (widths,) = re.findall(r'colWidths="([^"]*)"', tables.rml(table, None, width, 8))
    assert sum(map(float, widths.split(","))) == pytest.approx(width, abs=0.1)


def test_rows_of_a_model_stand_together_and_those_beyond_the_paper_s_are_told():
    rows = [Row(f"m{index // 20}", float(index)) for index in range(60)]
    columns = [Column("Value", lambda row: f"v{row.value:.0f}")]
    table = Table("t", lambda _: columns, lambda _: rows, by=lambda row: row.name)
    assert tables.rml(table, None, 243, 8).count("<blockSpan") == 3
    assert tables.rml(table, None, 243, 8, most=24).count("<tr>") == 1 + 2 + 24
    assert tables.words(table, None).endswith("And 36 more rows.")
