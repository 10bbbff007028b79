"""Any mix of records gives a report: thin studies, hostile names, failures; and what gives none says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from suite.report.paper import build_paper
from suite.report.poster import build_poster

from suite.analysis.facts import build_facts
from suite.cli.paper import paper as paper_command
from suite.cli.poster import poster as poster_command
from suite.cli.printing import FORMATS
from suite.errors import InputError
from suite.records.experiment import TextReference
from suite.records.schema import Record, Sample
from suite.records.store import Store
from suite.report.command import results_folders
from tests.report.inspect_pdf import outside, text, too_small
from tests.synthetic import embedded, phase1, record

HOSTILE = (
    "</para> <b>{{ 1/0 }}</b> & ]]> \u65e5\u672c\u8a9e \u0416\u0416 \x00\x07\u202e\U0001f9ea $x_1$ \\frac "
    + "unbreakable" * 9
)


def test_phase_1_alone_builds_both_reports_without_the_sections_it_has_no_records_for():
    facts = build_facts(phase1())
    for pdf in (build_poster(facts), build_paper(facts)):
        said = text(pdf.content)
        assert "universal" not in said and "Where does the ticket live" not in said
        assert "What the model says" in said


def test_a_dense_run_alone_builds_and_claims_nothing():
    facts = build_facts([record()])
    for pdf in (build_poster(facts), build_paper(facts)):
        said = " ".join(text(pdf.content).split())
        assert "n/m" in said and "before perplexity rises" not in said


def test_equal_budget_cells_of_two_models_alone_build():
    targets = ("attention", "mlp")
    cells = [record(model=model, target=target, sparsity=0.4, budget=0.2) for model in "ab" for target in targets]
    facts = build_facts([record(model="a"), record(model="b"), *cells])
    assert "equal budget" in text(build_poster(facts).content)
    build_paper(facts)


def hostile() -> list[Record]:
    """The embedded study with names, texts and samples that nobody would choose."""
    name = TextReference(name=HOSTILE, revision="sha256:" + "5" * 64, join="\n")
    found = [record(model=HOSTILE, text=name), record(model=HOSTILE, text=name, target="all", sparsity=0.1, ratio=1.5)]
    found.append(
        record(model=HOSTILE, text=name, part=("q", "down"), layers="0-7", sparsity=0.5, criterion="magnitude")
    )
    found.append(record(model=HOSTILE, text=name, target="mlp", sparsity=0.5, error=HOSTILE * 20))
    broken = []
    for one in found:
        samples = (Sample(prompt=HOSTILE, text=HOSTILE * 30),)
        generation = one.generation.model_copy(update={"samples": samples}) if one.generation else None
        hardware = one.environment.model_copy(update={"hardware": HOSTILE, "system": HOSTILE, "commit": HOSTILE})
        broken.append(one.model_copy(update={"generation": generation, "environment": hardware}))
    return broken + [one for one in embedded() if one.experiment.budget is not None]


def test_hostile_names_and_samples_print_and_never_break_the_build():
    facts = build_facts(hostile(), damaged=3)
    for pdf in (build_poster(facts), build_paper(facts)):
        said = text(pdf.content)
        assert "{{ 1/0 }}" in said and "</para>" in said and "\u0416" in said


def sized(count: int) -> list[Record]:
    """So many records: models of ever other names, each with its dense run and a curve over parts and sparsities."""
    cells = [(target, (1 + i) / 20) for i in range(15) for target in ("all", "attention", "mlp", "early", "late")]
    models = [f"model-{chr(97 + i)}-{i}" for i in range(1 + count // 40)]
    found = [record(model=model) for model in models]
    found += [record(model=model, target=target, sparsity=s) for target, s in cells for model in models]
    return found[:count]


@pytest.mark.parametrize("count", [1, 3, 20, 300])
def test_studies_of_any_size_print_on_every_sheet(count):
    facts = build_facts(sized(count))
    assert len(facts.cells) == count
    for sheet in FORMATS if count in (1, 300) else FORMATS[:1]:
        poster = build_poster(facts, sheet)
        assert poster.pages == 1 and too_small(poster.content, 24) == [] == outside(poster.content, sides=72)
    paper = build_paper(facts)
    assert outside(paper.content, sides=50, ends=18) == []
    said = text(paper.content)
    assert all(cell.record.id[:10] in said for cell in facts.cells)


def test_commands_write_a_pdf_and_print_where_it_lies(tmp_path: Path):
    store = Store(tmp_path / "results" / "phase1")
    store.prepare()
    for found in phase1():
        store.write(found)
    for command, name in ((poster_command, "poster.pdf"), (paper_command, "paper.pdf")):
        result = CliRunner().invoke(
            command, [str(store.folder), "--out", str(tmp_path / "out")], catch_exceptions=False
        )
        assert result.output.strip().endswith(name) and (tmp_path / "out" / name).read_bytes().startswith(b"%PDF")


def test_no_finished_record_is_an_input_error_and_writes_nothing(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    for command in (poster_command, paper_command):
        with pytest.raises(InputError, match="no finished experiment"):
            CliRunner().invoke(
                command, [str(tmp_path / "empty"), "--out", str(tmp_path / "out")], catch_exceptions=False
            )
    assert not (tmp_path / "out").exists()


def test_results_come_from_arguments_commas_or_the_environment(monkeypatch):
    assert results_folders(["a,b", "c"]) == [Path("a"), Path("b"), Path("c")]
    monkeypatch.setenv("LOTTERY_RESULTS", "/somewhere")
    assert results_folders([]) == [Path("/somewhere")]
    monkeypatch.delenv("LOTTERY_RESULTS")
    assert results_folders([]) == [Path("results")]
