"""Promises of the two families: real models first, the small ones that read the grammar's text beside them."""

import random
from typing import Any

import pytest

from suite.analysis.facts import Facts, build_facts
from suite.analysis.values import Claim, Verdict
from suite.data.catalogue import TEXTS
from suite.records.experiment import TextReference
from suite.records.plan import Plan
from suite.records.schema import Record
from suite.report.contents import claims_of, contents_of
from suite.report.sections import SECTIONS
from suite.report.sections.miniature import Both, Miniature
from suite.report.sections.miniature import claims as agreement
from tests.synthetic import embedded, experiment, phase1, record
from tests.told import claims, found
from tests.trained import quick

WIKITEXT = TextReference(name="wikitext-2", revision="a" * 40, join="\n\n")


def real(**changes: Any) -> Record:
    """A record of a model that read no text of the grammar's."""
    return record(**{"model": "phi-2", "text": WIKITEXT, **changes})


def curve(ratio: float = 1.02) -> list[Record]:
    """A real model, whose perplexity at a half is so many times the dense one's."""
    half = real(target="all", sparsity=0.5, ratio=ratio, noise=0.001)
    return [real(), half, real(target="all", sparsity=0.9, ratio=9.0)]


def both() -> Facts:
    return build_facts([*embedded(), *quick(), *curve()])


def test_real_models_are_in_front_and_the_miniature_beside_them():
    facts = both()
    assert [model.name for model in facts.models] == ["phi-2"] and facts.headline.model.name == "phi-2"
    small = facts.miniature
    assert small and small.models == build_facts(embedded()).models and small.miniature is None
    assert small.tickets == build_facts(quick()).tickets and facts.tickets == ()
    assert facts.families == (facts, small)
    names = {name for name, text in TEXTS.items() if text.grammar}
    assert {cell.experiment.text.name for cell in small.cells} <= names and WIKITEXT.name not in names


@pytest.mark.parametrize("records", [embedded, quick, curve], ids=["miniature", "search", "real"])
def test_records_of_one_family_alone_are_in_front_whichever_it_is(records):
    facts = build_facts(records())
    assert facts.miniature is None and facts.families == (facts,)
    assert claims_of(facts) == claims(facts) and "miniature_agrees" not in claims(facts)


def test_facts_of_both_families_do_not_depend_on_the_order_of_records():
    records = [*embedded(), *curve()]
    shuffled = list(records)
    random.Random(1).shuffle(shuffled)
    assert build_facts(shuffled) == build_facts(records)


def test_each_family_has_its_own_claims_and_a_report_those_of_the_real_models_first():
    facts, small = both(), build_facts([*embedded(), *quick()])
    assert claims_of(facts.miniature) == claims_of(small)
    of_real = claims_of(build_facts(curve()))
    assert {name: claim for name, claim in claims_of(facts).items() if name != "miniature_agrees"} == of_real
    told = claims(facts)
    assert {name: told[name] for name in of_real} == of_real
    assert "ticket_matches" not in of_real and told["ticket_matches"] == claims_of(small)["ticket_matches"]
    assert contents_of(facts).find("cliff").facts is facts
    assert contents_of(facts).find("ticket").facts is facts.miniature


def test_nothing_of_one_family_is_computed_from_the_other():
    """Two sizes of an architecture, pruned alike, of which the larger read another text, are no family."""
    sizes = {"model": "story-mistral-small"}, {"model": "story-mistral-large", "text": WIKITEXT}
    cells = [record(**size, **cut) for size in sizes for cut in ({}, {"target": "blocks", "sparsity": 0.5})]
    facts = build_facts(cells)
    assert [[model.name for model in family.models] for family in facts.families] == [
        ["story-mistral-large"],
        ["story-mistral-small"],
    ]
    assert found("universal", facts) is None and "bigger_stand_more" not in claims(facts)


def test_one_model_that_read_texts_of_both_families_has_two_names():
    facts = build_facts([*phase1(), real(model="story-mistral", target="all", sparsity=0.5)])
    assert facts.main.name == "story-mistral (on wikitext-2)"
    assert facts.miniature.main.name == "story-mistral (on stories)"


def test_failed_cells_of_both_families_are_told_also_where_nothing_of_one_finished():
    failed = [real(error="out of memory"), real(target="all", sparsity=0.5, error="out of memory")]
    broken = record(target="mlp", sparsity=0.9, error="not finite")
    facts = build_facts([*phase1(), broken, *failed])
    assert facts.main.name == "story-mistral" and facts.miniature is None
    assert {cell.record.id for cell in facts.failures} == {one.id for one in (broken, *failed)}
    assert [len(group) for group in facts.failure_groups] == [1, 2]
    facts = build_facts([*phase1(), broken, *curve(), failed[1].model_copy(update={"id": "0" * 64})])
    assert [cell.model for cell in facts.failures] == ["story-mistral"], "the cell that finished counts"


def test_a_study_counts_the_cells_of_both_families_and_what_failed_is_not_pending():
    planned = tuple(experiment(target="all", sparsity=s) for s in (0.5, 0.7))
    others = tuple(experiment(model="phi-2", text=WIKITEXT, target="all", sparsity=s) for s in (0.5, 0.7))
    plan = Plan(name="both", title="Both", manifest="", experiments=(*planned, *others))
    records = [record(target="all", sparsity=0.5), real(target="all", sparsity=0.5, error="out of memory")]
    (study,) = build_facts([record(), *records], [plan]).studies
    assert (study.finished, study.failed) == (1, 1) and study.pending == (planned[1], others[1])


def test_the_miniature_is_held_against_the_real_models_claim_by_claim():
    """Half of the real model's weights go unharmed, and not of the small one's; nine tenths of neither."""
    small = [record(), *(record(target="all", sparsity=s, ratio=r) for s, r in ((0.5, 1.5), (0.9, 9.0)))]
    facts = build_facts([*small, *curve(1.001)])
    about = found("miniature", facts)
    assert (about.small, about.real) == (1, 1)
    rows = {row.real.name: row for row in about.rows}
    assert set(rows) == set(claims_of(facts)) & set(claims_of(facts.miniature))
    half, most = rows["dead_weight"], rows["ninety_percent"]
    assert (half.small.verdict, half.real.verdict, half.agrees) == (Verdict.FAILS, Verdict.HOLDS, False)
    assert (most.small.verdict, most.real.verdict, most.agrees) == (Verdict.FAILS, Verdict.FAILS, True)
    claim = claims(facts)["miniature_agrees"]
    told = [row.agrees for row in about.rows if row.agrees is not None]
    assert claim.verdict is Verdict.MIXED
    assert claim.evidence == f"{sum(told)} of the {len(told)} that both decide come out alike, of {len(rows)} claims"


def of(*pairs: tuple[Verdict, Verdict]) -> Miniature:
    rows = (
        Both(Claim("name", "This is so", small, ""), Claim("name", "This is so", great, "")) for small, great in pairs
    )
    return Miniature(tuple(rows), 3, 2)


H, M, X, F, U = Verdict.HOLDS, Verdict.MOSTLY, Verdict.MIXED, Verdict.FAILS, Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("pairs", "verdict"),
    [
        (((H, H), (F, F), (H, M), (M, H)), H),
        (((H, H), (H, F)), X),
        (((H, F), (F, M)), F),
        (((H, U), (U, F), (X, H), (F, X)), U),
        (((H, U), (F, F)), H),
        (((M, M),), H),
        (((M, F),), F),
    ],
)
def test_they_agree_where_both_come_out_on_one_side_and_what_is_open_says_nothing(pairs, verdict: Verdict):
    (claim,) = agreement(of(*pairs))
    assert claim and claim.verdict is verdict


def test_the_section_is_there_only_where_both_families_bear_on_a_claim():
    assert found("miniature", embedded()) is found("miniature", curve()) is None
    assert found("miniature", [*quick(), *curve()]) is None, "a search and a curve have no claim in common"
    contents = contents_of(both())
    real = [shown.key for shown in contents.sections if not contents.of_small_models(shown)]
    assert SECTIONS[-1].key == real[-1] == "miniature"
