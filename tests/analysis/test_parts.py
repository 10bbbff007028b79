"""Promises of the picture of the network: one place of the study, the one that tells most, and nothing made up."""

from suite.analysis.facts import build_facts
from suite.analysis.values import NotMeasured
from tests.synthetic import record


def parts(ratios: dict[tuple[str, float], float], model: str = "story-mistral"):
    cells = [record(model=model, target=what, sparsity=s, ratio=r) for (what, s), r in ratios.items()]
    return build_facts([record(model=model), *cells]).main.parts


def test_a_sparsity_at_which_something_breaks_tells_more_than_one_at_which_nothing_does():
    unharmed = {(what, 0.3): 1.0 for what in ("embeddings", "lm_head", "attention", "mlp")}
    found = parts({**unharmed, ("attention", 0.8): 3.0, ("mlp", 0.8): 1.2})
    assert found.sparsity == 0.8 and found.measured == {"attention": 3.0, "mlp": 1.2}
    assert found.missing == ("embeddings", "early", "late", "lm_head")
    assert isinstance(found.values["embeddings"], NotMeasured)
    assert parts(unharmed).sparsity == 0.3


def test_of_those_the_most_parts_and_then_the_largest_damage_within_tenfold():
    damage = {("attention", 0.5): 1.5, ("mlp", 0.5): 1.1, ("attention", 0.7): 9.0, ("mlp", 0.7): 2.0}
    broken = {("attention", 0.9): 400.0, ("mlp", 0.9): 70.0}
    assert parts({**damage, **broken}).sparsity == 0.7
    assert parts({**damage, ("late", 0.5): 1.0}).sparsity == 0.5
    assert parts(broken).worst == 400.0, "where everything is broken, that is what there is to show"


def test_the_same_number_of_weights_from_each_where_no_sparsity_is_shared():
    cells = [record(target=what, sparsity=0.4, budget=0.2, ratio=r) for what, r in (("attention", 1.6), ("mlp", 1.1))]
    found = build_facts([record(), *cells]).main.parts
    assert (found.sparsity, found.budget, found.worst) == (None, 0.2, 1.6)


def test_fewer_than_two_parts_are_no_picture():
    assert parts({("attention", 0.5): 2.0, ("all", 0.5): 3.0}) is None


def test_the_shape_of_the_model_comes_with_it():
    ratios = {("attention", 0.5): 2.0, ("mlp", 0.5): 3.0}
    tied, phi = parts(ratios, "story-qwen-tied"), parts(ratios, "story-phi")
    assert (tied.tied, tied.parallel, phi.tied, phi.parallel) == (True, False, False, True)
