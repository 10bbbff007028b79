"""Promises of the structure: a section says everything of itself, and nothing else needs to know of it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import suite
from suite.analysis.facts import Facts, build_facts
from suite.analysis.values import Claim, Verdict
from suite.comparison.compare import compare
from suite.comparison.pairs import ClaimPair, Comparison, Side
from suite.records.schema import Record
from suite.report import contents
from suite.report.contents import claims_of, contents_of
from suite.report.section import Section
from suite.report.sections import SECTIONS
from tests.altered import everything
from tests.synthetic import phase1, record
from tests.trained import full

ROOT = Path(suite.__file__).parent


def deepest(facts: Facts) -> float | None:
    """What the section that is added finds: the largest perplexity ratio of any cell; none of a dense model alone."""
    return max((cell.ratio for cell in facts.cells if isinstance(cell.ratio, float) and cell.sparsity), default=None)


def verdicts(ratio: float) -> Iterable[Claim | None]:
    verdict = Verdict.HOLDS if ratio < 2 else Verdict.FAILS
    return Claim("stays_shallow", "No cell loses more than half", verdict, f"at most {ratio:g} times dense"), None


ADDED: Section[float] = Section(key="depth", title="How deep?", find=deepest, claims=verdicts)


@pytest.fixture
def _added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "SECTIONS", (ADDED, *SECTIONS))


def held(here: list[Record], there: list[Record]) -> Comparison:
    return compare(Side(Path("here"), tuple(here)), Side(Path("there"), tuple(there)))


def study(ratio: float) -> list[Record]:
    return [record(), record(target="all", sparsity=0.5, ratio=ratio)]


@pytest.mark.usefixtures("_added")
def test_a_claim_that_a_section_adds_is_in_the_contents_where_the_section_finds_anything():
    facts = build_facts(study(3.0))
    claim = contents_of(facts).claims["stays_shallow"]
    assert claim.verdict is Verdict.FAILS and claim.evidence == "at most 3 times dense"
    assert claims_of(facts)["stays_shallow"] == claim
    shown = contents_of(facts).sections[0]
    assert (shown.key, shown.found, shown.claims) == ("depth", 3.0, (claim,))
    assert "stays_shallow" not in contents_of(build_facts([record()])).claims
    assert contents_of(build_facts([record()])).find("depth") is None


@pytest.mark.usefixtures("_added")
def test_a_claim_that_a_section_adds_is_compared_and_decides():
    same = held(study(1.5), study(1.5))
    assert same.reproduces and ClaimPair("stays_shallow", Verdict.HOLDS, Verdict.HOLDS) in same.claims
    here = [one.model_copy(update={"perplexity": _nudged(one)}).sealed() for one in study(1.99999)]
    other = held(here, study(1.99999))
    assert not other.failing and [claim.name for claim in other.contradicted] == ["stays_shallow"]
    assert not other.reproduces


def _nudged(one: Record) -> object:
    """A ratio that is beyond twice by less than what rounding explains."""
    assert one.perplexity is not None
    ratio = one.perplexity.ratio_to_dense
    return one.perplexity.model_copy(update={"ratio_to_dense": ratio if ratio == 1 else 2.00001})


def test_claims_of_sections_have_names_of_their_own_and_statements_and_evidence():
    sections = contents_of(build_facts([*everything(), *full()])).sections
    names = [claim.name for shown in sections for claim in shown.claims]
    assert len(names) == len(set(names)) > 25
    assert len({section.key for section in SECTIONS}) == len({section.title for section in SECTIONS}) == len(SECTIONS)
    for claim in (claim for shown in sections for claim in shown.claims):
        assert claim.statement and claim.evidence and not claim.statement.endswith("."), claim.name
        assert not claim.evidence.endswith(".") and "None" not in claim.evidence, claim.name


def test_a_section_is_there_for_each_question_that_the_records_bear_on():
    there = {shown.key for shown in contents_of(build_facts([*everything(), *full()])).sections}
    assert there == {section.key for section in SECTIONS} - {"miniature"}
    assert {shown.key for shown in contents_of(build_facts(full())).sections} == {"ticket"}
    assert "ticket" not in {shown.key for shown in contents_of(build_facts(phase1())).sections}


# Imports


def modules() -> dict[str, Path]:
    paths = (path.relative_to(ROOT.parent) for path in ROOT.rglob("*.py"))
    return {".".join(path.with_suffix("").parts).removesuffix(".__init__"): ROOT.parent / path for path in paths}


def imported(path: Path, known: Iterable[str]) -> Iterator[str]:
    """The suite's modules that a module imports, at its top or later; not those for types alone."""
    nodes: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (m if (m := f"{node.module}.{name.name}") in known else node.module for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        nodes += ast.iter_child_nodes(node)


def test_statistics_reports_and_comparisons_import_no_circle_and_statistics_nothing_that_prints():
    known = modules()
    graph = {
        name: {other for other in imported(path, known) if other in known and other != name}
        for name, path in known.items()
        if name.split(".")[1:2] in (["analysis"], ["report"], ["comparison"])
    }
    assert len(graph) > 80
    order = list(TopologicalSorter(graph).static_order())  # raises CycleError, which names the circle
    assert order.index("suite.report.sections.miniature") < order.index("suite.report.contents")
    for name in graph:
        if name.startswith("suite.analysis"):
            assert not [other for other in graph[name] if other.startswith("suite.report")], name
