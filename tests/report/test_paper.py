"""Promises of paper and supplement: short enough to be read, whole together, and where a reader looks for it."""

from __future__ import annotations

import re
from itertools import groupby

import pytest

from suite.analysis.facts import build_facts
from suite.paths import MANIFESTS
from suite.records.experiment import Continuation, Sequential
from suite.records.plan import Plan, PlannedSearch
from suite.records.schema import FactorVerdict, Record, SequentialTest, Telemetry
from suite.records.store import read_plans, read_records
from suite.report.contents import Contents, Shown, contents_of
from suite.report.media import paper as paper_
from suite.report.media.paper import build_paper, build_supplement
from suite.report.medium import RML
from suite.report.pdf import Pdf, build
from suite.report.section import Figure, Table
from suite.report.theme import theme
from suite.report.wording import Wording
from tests.altered import everything
from tests.invented import PROTOCOL, dequantised, timed, with_speed
from tests.report.inspect_pdf import glyphs, text
from tests.synthetic import embedded, experiment, phase1, record
from tests.trained import full

MOST_PAGES, PAGES_OF_ONE, MOST_WORDS = 12, 4, 200
MANIFEST = """title: A study
models: story-mistral
experiments:
  # Indented, and kept so.
  - target: all
    sparsity: [0.5, 0.7, 0.9]
"""


@pytest.fixture(scope="module")
def shipped() -> Contents:
    """Everything that ships."""
    folders = sorted(path for path in (MANIFESTS / "reference").iterdir() if path.is_dir())
    return contents_of(build_facts(read_records(folders)[0], read_plans(folders)))


def plan(**changes: object) -> Plan:
    cells = [found.experiment for found in phase1()]
    return Plan(name="mine", title="A study", manifest=MANIFEST, experiments=tuple(cells)).model_copy(update=changes)


def said(pdf: Pdf) -> str:
    return " ".join(text(pdf.content).replace("\u00a0", " ").split())


def abstract(pdf: Pdf) -> str:
    """Of a paper: what stands between its heading and that of the introduction."""
    words = said(pdf)
    return words[words.index("Abstract") + len("Abstract") : words.index("Introduction")]


def caption(words: Wording, shown: Shown, of: Figure | Table) -> str:
    return " ".join(words.caption(shown, of).striptags().replace("\u00a0", " ").split())


def pages(pdf: Pdf) -> list[str]:
    """What each page says, without its spaces."""
    return ["".join(g.text for g in page) for _, page in groupby(glyphs(pdf.content), key=lambda g: g.page)]


def test_the_paper_of_everything_that_ships_is_read_to_the_end(shipped):
    found = build_paper(shipped)
    assert found.pages <= MOST_PAGES
    words = abstract(found).split()
    assert 60 < len(words) <= MOST_WORDS
    assert sum(any(character.isdigit() for character in word) for word in words) >= 5, "findings come with numbers"


def test_the_paper_of_a_single_study_of_one_model_is_four_pages():
    for records in (phase1(), [one for one in embedded() if one.experiment.model == "story-mistral"]):
        assert build_paper(contents_of(build_facts(records))).pages <= PAGES_OF_ONE


@pytest.mark.parametrize("records", [embedded, everything, full, lambda: [*everything(), *full((0, 1))], phase1])
def test_an_abstract_has_two_hundred_words_at_most(records):
    assert len(abstract(build_paper(contents_of(build_facts(records())))).split()) <= MOST_WORDS


def test_what_the_paper_leaves_out_is_in_the_supplement(whole):
    paper, supplement = said(build_paper(whole)), said(build_supplement(whole))
    words = Wording(whole, RML, "supplement")
    for shown in whole.sections:
        assert shown.title in paper
        for figure in shown.figures:
            assert caption(words, shown, figure) in (paper if figure.paper else supplement), figure.key
        for table in shown.tables:
            assert caption(words, shown, table) in supplement, table.key
        for claim in shown.claims:
            assert claim.statement.replace("\u00a0", " ") in paper and claim.verdict.value in paper
    assert re.search(r"Figure \d+\.", paper) and not re.search(r"Figure S\d+\.", paper)
    assert re.search(r"Figure S\d+\.", supplement) and not re.search(r"Figure \d+\.", supplement)


@pytest.mark.parametrize("study", [embedded, phase1, lambda: [record()], everything, full])
def test_figures_and_tables_are_numbered_in_order_and_referred_to(study, monkeypatch):
    contents = contents_of(build_facts(study()))
    caught: list[str] = []
    monkeypatch.setattr(paper_, "build", lambda markup, draw: caught.append(markup) or build(markup, draw))
    for make, prefix in ((build_paper, ""), (build_supplement, "S")):
        make(contents)
        for kind in ("figure", "table"):
            placed = re.findall(rf'<a name="{kind}-([\w-]+)"/><b>{kind.capitalize()} {prefix}(\d+)\.', caught[-1])
            assert [int(number) for _, number in placed] == list(range(1, len(placed) + 1))
            assert len({key for key, _ in placed}) == len(placed)
            referred = set(re.findall(rf'href="#{kind}-([\w-]+)"', caught[-1]))
            assert referred <= {key for key, _ in placed}
            if make is build_paper:
                assert referred == {key for key, _ in placed}, "every one that is placed is referred to"


def test_the_columns_of_the_text_are_full_up_to_the_references(whole):
    """Neither a float nor a heading leaves a hole: what does not fit waits while the text goes on."""
    paper = build_paper(whole)
    found = glyphs(paper.content)
    last = next(page for page, end in enumerate(pages(paper)) if "Reproducibility" in end)
    assert last > 2
    for page in range(1, last):
        for left, right in ((54, 297), (315, 558)):
            column = [g.box[1] for g in found if g.page == page and left <= g.box[0] < right and g.box[1] > 50]
            assert min(column) < 54 + 0.12 * 686, f"page {page + 1}, column from {left}"


def test_a_study_prints_its_manifest_commands_and_what_is_left_to_run():
    cells = phase1()
    planned = plan(
        experiments=(*(c.experiment for c in cells), experiment(target="mlp", sparsity=0.5)),
        searches=(PlannedSearch(template=experiment(target="attention"), factors=(1.1,)),),
    )
    contents = contents_of(build_facts(cells, [planned]))
    paper, supplement = said(build_paper(contents)), said(build_supplement(contents))
    assert "Not measured yet, of “A study”: 1 planned experiment and the rest of 1 search." in paper
    assert "lottery run manifests/mine.yaml" in paper and "lottery compare results/mine THEIRS/mine" in paper
    for line in MANIFEST.splitlines():
        assert line.strip() in supplement
    assert "Not measured yet" not in said(build_paper(contents_of(build_facts(cells, [plan()]))))


def test_results_that_came_with_the_suite_are_marked_with_where_and_when_they_were_measured():
    records = phase1()
    came, here = (
        contents_of(build_facts(records, [plan()], shipped=seals)) for seals in ({one.seal for one in records}, set())
    )
    words = said(build_paper(came))
    assert "Shipped with the suite and not measured here: mine on 2 cores of a synthetic processor, 2026-11-01" in words
    assert "and held against the results that ship by" in words
    assert "hipped with the suite" not in said(build_paper(here))


def summed_in(one: Record, softmax: str) -> Record:
    assert one.perplexity is not None
    protocol = one.perplexity.protocol.model_copy(update={"softmax": softmax})
    return one.model_copy(update={"perplexity": one.perplexity.model_copy(update={"protocol": protocol})})


def wrote(one: Record, asked: Continuation) -> Record:
    asking = one.experiment.model_copy(update={"generation": asked})
    return one.model_copy(update={"experiment": asking, "id": asking.id})


def test_it_says_how_its_own_records_were_measured():
    cells = phase1()
    before = [summed_in(one, "float32") for one in cells]
    fewer = [wrote(one, Continuation(prompts=8, tokens=20)) for one in cells]
    wordings = {
        "exponentials are summed in float64. Harm": cells,
        "exponentials are summed in float32. Harm": before,
        "exponentials are summed in float32 or float64, as each record says.": [*before[:1], *cells[1:]],
        "greedy decoding of 50 tokens after": cells,
        "greedy decoding of 20 tokens after": fewer,
        "greedy decoding of 50 or 20 tokens after": [*cells[:2], *fewer[2:]],
    }
    for wording, records in wordings.items():
        assert wording in said(build_paper(contents_of(build_facts(records)))), wording


def stepped(sparsity: float, windows: int) -> Record:
    """A record of a step of a search that stopped after so many of 60 windows."""
    asked = Sequential(factors=(1.1, 2.0))
    test = SequentialTest(
        ratio=1.3,
        low=1.2,
        high=1.4,
        verdicts=(FactorVerdict(factor=1.1, exceeds=True), FactorVerdict(factor=2.0, exceeds=False)),
        stopped="decided",
        windows=windows,
        limit=30,
        tokens=windows * 255,
        order=tuple(range(windows)),
        nll_per_window=(2.0,) * windows,
        protocol=PROTOCOL,
    )
    cell = experiment(sparsity=sparsity, measure=(), sequential=asked)
    found = record(sparsity=sparsity, measure=()).model_copy(update={"id": cell.id, "experiment": cell})
    return found.model_copy(update={"sequential": test}).sealed()


def test_steps_that_stopped_early_are_told_of_and_are_no_cells():
    cells = phase1()
    facts = build_facts([*cells, stepped(0.34, 9), stepped(0.36, 15)])
    assert [step.sparsity for step in facts.steps] == [0.34, 0.36] and len(facts.cells) == len(cells)
    assert "2 read windows in a random order and stopped, after 20 % of the text" in said(
        build_paper(contents_of(facts))
    )
    assert "random order" not in said(build_paper(contents_of(build_facts(cells))))


def test_it_is_not_a_test_of_the_hypothesis_and_says_so(paper, whole):
    assert "is no test of the lottery ticket hypothesis." in said(paper)
    assert "no test of the lottery ticket hypothesis; a search in a small network is." in said(build_paper(whole))


def test_sizes_and_names_come_from_the_theme(contents, monkeypatch):
    own = theme().model_copy(
        update={"team": theme().team.model_copy(update={"name": "A Team", "url": "https://example.org/x"})}
    )
    caught: list[str] = []
    monkeypatch.setattr(paper_, "build", lambda markup, draw: caught.append(markup) or build(markup, draw))
    monkeypatch.setattr("suite.report.templating.theme", lambda: own)
    build_paper(contents)
    assert "A Team" in caught[-1] and 'href="https://example.org/x"' in caught[-1]
    assert f'fontSize="{theme().sizes.paper.title:g}"' in caught[-1]


def test_records_stand_by_model_with_a_header_on_every_page(supplement, facts):
    listed = [page for page in pages(supplement) if "IdCriterionPartRemoved" in page]
    assert len(listed) > 1
    for model in facts.models:
        assert any(model.name in page for page in listed)


def test_what_failed_is_told_with_its_reason_and_has_no_numbers(facts, paper, supplement):
    (failed,) = (cell for cell in facts.cells if not cell.done)
    assert "mlp at 90 %: a logit is not finite in window 12" in said(paper)
    row = said(supplement).partition(failed.record.id[:10])[2][:80]
    assert row.split()[:4] == ["magnitude", "mlp", "90", "%"] and row.count("n/m") >= 4


def test_what_a_converted_model_was_dequantised_from_is_said():
    cells = ({}, {"target": "all", "sparsity": 0.5}, {"target": "all", "sparsity": 0.7})
    words = said(build_paper(contents_of(build_facts([dequantised(**cell) for cell in cells]))))
    assert "dequantised from Q4_1" in words
    assert "smollm under Apache-2.0" in words and "60 of 240 windows of 256" in words


def test_the_table_of_speeds_shows_the_instruments_of_a_board_where_there_are_any():
    board = Telemetry(sm_clock_mhz=1380.0, power_w=212.0, temperature_c=61.0, energy_j_per_token=None)
    timings = [with_speed(one, timed(100.0, 0.5), board=board) for one in phase1()]
    with_board, bare = (said(build_supplement(contents_of(build_facts(records)))) for records in (timings, phase1()))
    assert "MHz" in with_board and "1,380" in with_board and "212" in with_board and "MHz" not in bare
