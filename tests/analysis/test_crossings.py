"""Promises of the comparison by where models break: measured bounds only, of one target in every model."""

import pytest

from suite.analysis.crossings import Crossings, crossings
from suite.analysis.facts import build_facts
from suite.analysis.values import NotMeasured
from suite.records.schema import Record
from tests.synthetic import record


def curve(model: str, ratios: dict[float, float], target: str = "blocks", **more):
    cells = [record(model=model, target=target, sparsity=s, ratio=r, noise=0.01, **more) for s, r in ratios.items()]
    return [record(model=model), *cells]


def broken(records: list[Record]) -> Crossings | None:
    return crossings(one for model in build_facts(records).models for one in model.curves)


def test_models_stand_by_the_sparsity_at_which_they_leave_the_tolerance():
    records = curve("b", {0.5: 1.05, 0.6: 1.3}) + curve("a", {0.7: 1.05, 0.71: 1.2}) + curve("c", {0.3: 1.0, 0.4: 1.09})
    found = broken(records)
    assert [row.model for row in found.rows] == ["b", "a", "c"]
    assert (found.lowest.model, found.highest.model) == ("b", "a"), "c was never seen to break"
    assert (found.lowest.first.below, found.lowest.first.above) == (0.5, 0.6)
    assert found.rows[2].open.factor == 1.1 and found.rows[2].searched == 0.4
    assert found.factors == (1.1,), "nothing is said of a factor that no model reached"


def test_the_text_bounds_what_is_certain():
    records = curve("a", {0.3: 1.01, 0.5: 1.099, 0.6: 1.101, 0.7: 1.4}) + curve("b", {0.4: 1.01, 0.8: 2.3})
    found = broken(records)
    assert found.certain == (0.3, 0.8) and found.factors == (1.1, 2.0)

    def blind_one(one):
        few = {"interval": None, "windows": 10, "nll_per_window": one.perplexity.nll_per_window[:10]}
        return one.model_copy(update={"perplexity": one.perplexity.model_copy(update=few)})

    blind = [blind_one(one) for one in records]
    assert all(isinstance(bound, NotMeasured) for bound in broken(blind).certain)


def test_blocks_come_before_other_targets_and_else_the_one_that_most_models_have():
    attention = [one for model in "abc" for one in curve(model, {0.5: 1.0, 0.6: 1.5}, "attention")]
    mlp = [one for model in "ab" for one in curve(model, {0.5: 1.0, 0.6: 1.5}, "mlp")]
    blocks = [one for model in "ab" for one in curve(model, {0.5: 1.0, 0.6: 1.5})]
    assert broken([*attention, *mlp]).what == "attention"
    assert broken([*attention, *mlp, *blocks]).what == "blocks"


@pytest.mark.parametrize("ratios", [{0.5: 1.5}, {0.5: 1.0, 0.6: 1.02}])
def test_single_cells_and_unbroken_models_are_no_comparison(ratios):
    assert broken(curve("a", ratios) + curve("b", ratios)) is None


def test_one_model_is_no_comparison_and_random_removal_no_curve_of_it():
    ratios = {0.1: 1.0, 0.2: 3.0}
    random = [one for model in "ab" for one in curve(model, ratios, criterion="random", seed=0)]
    assert broken(curve("a", ratios) + random) is None


def test_a_factor_that_few_of_the_models_reached_is_left_out():
    shallow = [one for model in "abc" for one in curve(model, {0.5: 1.0, 0.6: 1.5})]
    assert broken(shallow + curve("d", {0.5: 1.0, 0.6: 1.5, 0.9: 3.0})).factors == (1.1,)
    deep = [one for model in "de" for one in curve(model, {0.5: 1.0, 0.6: 1.5, 0.9: 3.0})]
    assert broken(shallow[:4] + deep).factors == (1.1, 2.0)
