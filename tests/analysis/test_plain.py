"""What else is done to a model than pruning it plainly has facts of its own, and bends none of the others."""

from __future__ import annotations

import pytest

from suite.analysis.cells import cells_of
from suite.analysis.facts import build_facts
from suite.pruning.criteria import criterion_names
from tests.altered import FLOAT8, criteria, mapped, patterns, precision, recovered, structured
from tests.invented import record
from tests.synthetic import embedded

ALTERED = {"pattern": patterns, "precision": precision, "recovery": recovered, "structure": structured, "map": mapped}


@pytest.mark.parametrize("study", ALTERED.values(), ids=ALTERED)
def test_altered_cells_leave_every_fact_of_plain_ones_as_it_was(study):
    before = {one.id: one for one in embedded()}
    altered = [one for one in study() if not next(iter(cells_of([one]))).plain]
    assert altered
    plain, both = build_facts(before.values()), build_facts([*before.values(), *altered])
    for name in ("headline", "comparison", "rankings", "breaks", "crossings", "storage", "audit"):
        assert _printed(getattr(both, name)) == _printed(getattr(plain, name)), name
    for name, claim in plain.claims.items():
        assert _printed(both.claim(name)) == _printed(claim), name
    for one, other in zip(plain.models, both.models, strict=True):
        for field in ("name", "dense", "curves", "main", "control", "heat", "rankings", "utterances", "speed", "kinds"):
            assert _printed(getattr(one, field)) == _printed(getattr(other, field)), field
        assert (one.removable, one.parts) == (other.removable, other.parts)


def _printed(fact: object) -> str:
    """A fact without the models it points to, which know of every cell."""
    if hasattr(fact, "model") and hasattr(fact, "price"):
        return repr((fact.answer, fact.within, fact.past, fact.verdict, fact.price, fact.model.name))
    if hasattr(fact, "values") and "families" in fact.values:
        return repr((fact.verdict, [[m.value for m in f.members] for f in fact.values["families"]]))
    return repr(fact)


def test_a_cell_in_another_precision_shares_its_baseline_s_subject():
    facts = build_facts(precision())
    assert [model.name for model in facts.models] == ["story-mistral"]
    assert facts.main.dense.experiment.dense and facts.main.dense_perplexity == pytest.approx(1.47)


def test_the_main_curve_is_magnitude_s_where_there_is_one_and_random_is_the_last_criterion():
    facts = build_facts([*criteria(), record(target="blocks", sparsity=0.9, criterion="wanda")])
    assert {model.main.criterion for model in facts.models} == {"magnitude"}
    assert facts.crossings.criterion == facts.comparison.criterion == "magnitude"
    assert criterion_names()[-1] == "random"
    without = build_facts(one for one in criteria() if one.experiment.criterion != "magnitude")
    assert {model.main.criterion for model in without.models} == {"wanda"}


def test_a_cell_s_name_says_what_was_done_to_it():
    said = {cell.what for cell in cells_of([*criteria(), *precision(), *recovered()])}
    assert {"blocks, 2:4", "blocks, owl", "blocks, float8-weights", "dense, float8-weights"} <= said
    assert "blocks, recovered on 250,000 tokens" in said
    assert not next(iter(cells_of([record(**FLOAT8)]))).plain
