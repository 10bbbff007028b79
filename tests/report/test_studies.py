"""Any mix of records gives a report: thin studies, hostile names, failures; and what gives none says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from suite.analysis.facts import build_facts
from suite.analysis.values import Verdict
from suite.cli.paper import paper as paper_command
from suite.cli.poster import poster as poster_command
from suite.cli.printing import FORMATS
from suite.errors import InputError
from suite.records.experiment import TextReference
from suite.records.schema import Record, Sample
from suite.records.store import Store
from suite.report.command import results_folders
from suite.report.contents import Contents, contents_of
from suite.report.media.page import build_page
from suite.report.media.paper import build_paper, build_supplement
from suite.report.media.poster import build_poster
from tests.altered import criteria, everything, mapped, patterns, precision, recovered, structured
from tests.report.hostile import renamed
from tests.report.inspect_pdf import broken_links, outside, text, too_small
from tests.synthetic import embedded, phase1, record
from tests.trained import full, quick, training

HOSTILE = (
    "</para> <b>{{ 1/0 }}</b> & ]]> \u65e5\u672c\u8a9e \u0416\u0416 \x00\x07\u202e\U0001f9ea $x_1$ \\frac "
    + "unbreakable" * 9
)
LONG = [f"an-organisation-of-some-length/{'a-very-long-name-of-a-model-' * 4}{i}" for i in range(9)]


WIKITEXT = TextReference(name="wikitext-2", revision="b" * 40, join="\n\n")


def said(content: bytes) -> str:
    return " ".join(text(content).replace("\u00a0", " ").split())


def printed(contents: Contents, sheets: Sequence[str] = FORMATS) -> dict[str, str]:
    """What each document says, every one whole: nothing overflows, leaves the margins, or leads nowhere."""
    found = {}
    for sheet in sheets:
        poster = build_poster(contents, sheet)
        assert poster.pages == 1 and too_small(poster.content, 24) == [] == outside(poster.content, sides=72)
        found["poster"] = said(poster.content)
    for name, build in (("paper", build_paper), ("supplement", build_supplement)):
        content = build(contents).content
        assert outside(content, sides=50, ends=18) == [] == broken_links(content)
        found[name] = said(content)
    return {**found, "page": build_page(contents).decode()}


def without(records: Sequence[Record], *results: str) -> list[Record]:
    """The records without some of what was measured."""
    return [one.model_copy(update=dict.fromkeys(results)) for one in records]


def in_few_windows() -> list[Record]:
    """Everything, of texts too short for an interval."""
    short = []
    for one in everything():
        if found := one.perplexity:
            found = found.model_copy(update={"windows": 3, "nll_per_window": found.nll_per_window[:3]})
        short.append(one.model_copy(update={"perplexity": found}))
    return short


def some(share: float, seed: int) -> list[Record]:
    records = [*everything(), *full((0, 1))]
    return Random(seed).sample(records, int(share * len(records)))


def many() -> list[Record]:
    """Thirty models."""
    pairs = [renamed([*criteria(), *structured()], [f"m{2 * i:02}-model", f"m{2 * i + 1:02}-model"]) for i in range(15)]
    return [one for pair in pairs for one in pair]


def real(records: Sequence[Record]) -> list[Record]:
    """The same, read another text than the one that the suite's grammar wrote."""
    asked = [one.experiment.model_copy(update={"text": WIKITEXT}) for one in records]
    return [one.model_copy(update={"experiment": e, "id": e.id}) for one, e in zip(records, asked, strict=True)]


STUDIES: dict[str, Callable[[], list[Record]]] = {
    "criteria": criteria,
    "patterns": patterns,
    "precision": precision,
    "recovery": recovered,
    "structure": structured,
    "map": mapped,
    "trainings": quick,
    "phase1": phase1,
    "perplexity alone": lambda: without(everything(), "generation", "memory", "size", "coherence"),
    "no intervals": in_few_windows,
    "no dense model": lambda: [one for one in everything() if not one.experiment.dense],
    "no cliff": lambda: [record(), record(target="blocks", sparsity=0.5, ratio=1.01)],
    "all cliff": lambda: [record(), record(target="blocks", sparsity=0.5, ratio=9e9)],
    "failures beside a dense run": lambda: [
        record(),
        *(record(target="all", sparsity=s, error="no") for s in (0.1, 0.2)),
    ],
    "failed models": lambda: [*phase1(), *(record(model=f"m{i}", error=f"reason {i} " * 30) for i in range(30))],
    "failed trainings": lambda: [
        *quick(),
        *(training("small-dense", s, level=4, error="no & " * 60) for s in range(7, 30)),
    ],
    "thirty models": many,
    "two families": lambda: [*real([*criteria(), *structured()]), *everything(), *full((0, 1))],
    "a family of failures": lambda: [
        *real([record(model="real", sparsity=s, error="no") for s in (0.1, 0.2)]),
        *phase1(),
    ],
    "long names": lambda: renamed([*everything(), *full((0, 1))], LONG),
    "a tenth": lambda: some(0.1, 1),
    "a third": lambda: some(0.3, 4),
}


@pytest.mark.parametrize("study", STUDIES)
def test_a_study_of_any_shape_prints_whole_on_every_sheet(study):
    contents = contents_of(build_facts(STUDIES[study]()))
    found = printed(contents)
    for shown in contents.sections:
        if shown.figures or shown.tables:
            assert shown.title in found["paper"] and shown.title in found["supplement"]
        assert f'<details class="section" id="{shown.key}">' in found["page"]


def test_two_families_are_held_against_each_other_and_the_small_one_is_named():
    contents = contents_of(build_facts(STUDIES["two families"]()))
    assert contents.find("miniature") and contents.find("criteria").facts is contents.facts
    assert contents.find("recovery").facts is contents.facts.miniature
    found = printed(contents, FORMATS[:1])
    small = [contents.of_small_models(shown) for shown in contents.sections]
    assert small == sorted(small), "sections of the small models come last"
    for document in ("paper", "page"):
        assert "What the miniature got right and wrong" in found[document]
        assert found[document].count("of the small models that ship") == 1


def test_a_block_of_the_poster_says_where_it_is_of_the_small_models():
    contents = contents_of(build_facts([*real(phase1()), *everything()]))
    assert contents.of_small_models(contents.find("criteria"))
    poster = printed(contents, FORMATS[:1])["poster"]
    assert "Which criterion moves the cliff?" in poster and "On the small models that ship" in poster


def test_phase_1_alone_has_no_section_that_it_has_no_records_for():
    contents = contents_of(build_facts(phase1()))
    keys = {shown.key for shown in contents.sections}
    assert {"cliff", "samples"} <= keys and not keys & {"location", "universal", "criteria", "recovery", "ticket"}
    for words in printed(contents, FORMATS[:1]).values():
        assert "Is it universal?" not in words and "Where does the ticket live" not in words


def test_a_dense_run_alone_builds_and_claims_nothing():
    contents = contents_of(build_facts([record()]))
    assert contents.claims == {}
    for words in printed(contents, FORMATS[:1]).values():
        assert "before perplexity rises" not in words
    assert "n/m" in said(build_poster(contents).content)


def test_equal_budget_cells_of_two_models_alone_build():
    targets = ("attention", "mlp")
    cells = [record(model=model, target=target, sparsity=0.4, budget=0.2) for model in "ab" for target in targets]
    contents = contents_of(build_facts([record(model="a"), record(model="b"), *cells]))
    assert "takes the same number of weights from each" in printed(contents)["paper"]


def test_a_study_with_every_claim_open_builds():
    cells = [
        record(model=m, target=t, sparsity=0.4, budget=0.2, ratio=1.1) for m in "abc" for t in ("attention", "mlp")
    ]
    contents = contents_of(build_facts([record(model=m) for m in "abc"] + cells))
    assert {claim.verdict for claim in contents.claims.values()} == {Verdict.UNKNOWN}
    found = printed(contents)
    assert "cannot be told" in found["paper"] and "cannot be told" in found["page"]


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
    found = printed(contents_of(build_facts(hostile(), damaged=3)))
    for document in ("poster", "paper", "supplement"):
        assert "{{ 1/0 }}" in found[document] and "</para>" in found[document] and "\u0416" in found[document]


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
    listed = printed(contents_of(facts), FORMATS if count in (1, 300) else FORMATS[:1])["supplement"]
    assert all(cell.record.id[:10] in listed for cell in facts.cells)


def test_commands_write_a_pdf_and_print_where_it_lies(tmp_path: Path):
    store = Store(tmp_path / "results" / "phase1")
    store.prepare()
    for found in phase1():
        store.write(found)
    for command, names in ((poster_command, ["poster.pdf"]), (paper_command, ["paper.pdf", "supplement.pdf"])):
        arguments = [str(store.folder), "--out", str(tmp_path / "out")]
        lines = CliRunner().invoke(command, arguments, catch_exceptions=False).output.split()
        assert [Path(line).name for line in lines] == names
        assert all((tmp_path / "out" / name).read_bytes().startswith(b"%PDF") for name in names)


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
