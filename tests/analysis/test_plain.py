"""What else is done to a model than pruning it plainly has facts of its own, and bends none of the others."""

from __future__ import annotations

import pytest

from suite.analysis.cells import cells_of
from suite.analysis.facts import Facts, build_facts
from suite.pruning.criteria import criterion_names
from tests.altered import FLOAT8, criteria, mapped, patterns, precision, recovered, structured
from tests.invented import record
from tests.synthetic import embedded
from tests.told import claims, found

ALTERED = {"pattern": patterns, "precision": precision, "recovery": recovered, "structure": structured, "map": mapped}


@pytest.mark.parametrize("study", ALTERED.values(), ids=ALTERED)
def test_altered_cells_leave_every_fact_of_plain_ones_as_it_was(study):
    before = {one.id: one for one in embedded()}
    altered = [one for one in study() if not next(iter(cells_of([one]))).plain]
    assert altered
    plain, both = build_facts(before.values()), build_facts([*before.values(), *altered])
    assert _of_plain_cells(both) == _of_plain_cells(plain)
    told = claims(both)
    for name, claim in claims(plain).items():
        assert (told[name].verdict, told[name].evidence) == (claim.verdict, claim.evidence), name
    for one, other in zip(plain.models, both.models, strict=True):
        for field in ("name", "dense", "curves", "main", "control", "heat", "rankings", "utterances", "speed", "kinds"):
            assert getattr(other, field) == getattr(one, field), field
        assert (one.removable, one.parts) == (other.removable, other.parts)


def _of_plain_cells(facts: Facts) -> list[object]:
    """What is read off plain cells across models, without the models themselves, which know of every cell."""
    headline, across = facts.headline, found("universal", facts)
    return [
        (headline.answer, headline.within, headline.past, headline.verdict, headline.price),
        (across.crossings, across.comparison, across.shared),
        found("location", facts).rankings,
        found("breaks", facts),
        found("storage", facts).storage,
        found("storage", facts).matches,
    ]


def test_a_cell_in_another_precision_shares_its_baseline_s_subject():
    facts = build_facts(precision())
    assert [model.name for model in facts.models] == ["story-mistral"]
    assert facts.main.dense.experiment.dense and facts.main.dense_perplexity == pytest.approx(1.47)


def test_the_main_curve_is_magnitude_s_where_there_is_one_and_random_is_the_last_criterion():
    facts = build_facts([*criteria(), record(target="blocks", sparsity=0.9, criterion="wanda")])
    assert {model.main.criterion for model in facts.models} == {"magnitude"}
    across = found("universal", facts)
    assert across.crossings.criterion == across.comparison.criterion == "magnitude"
    assert criterion_names()[-1] == "random"
    without = build_facts(one for one in criteria() if one.experiment.criterion != "magnitude")
    assert {model.main.criterion for model in without.models} == {"wanda"}


def test_a_cell_s_name_says_what_was_done_to_it():
    said = {cell.what for cell in cells_of([*criteria(), *precision(), *recovered()])}
    assert {"blocks, 2:4", "blocks, OWL", "blocks, in float8-weights", "dense, in float8-weights"} <= said
    assert "blocks, recovered on 250,000 tokens" in said
    assert not next(iter(cells_of([record(**FLOAT8)]))).plain
