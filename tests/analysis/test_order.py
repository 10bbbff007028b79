"""Promises of rankings: an order is claimed pair by pair, and never beyond what the windows decide."""

import pytest

from suite.analysis.values import Claim, Verdict
from suite.records.schema import Record
from tests.synthetic import record
from tests.told import claims

APART = {"attention": 1.3, "early": 1.2, "mlp": 1.1, "late": 1.0}


def study(model: str, noise: float = 0.01, **ratios: float) -> list[Record]:
    """A model with its parts at equal budget."""
    parts = [
        record(model=model, target=target, sparsity=0.4, budget=0.2, ratio=ratio, noise=noise)
        for target, ratio in ratios.items()
    ]
    return [record(model=model), *parts]


def claim(name: str, *studies: list[Record]) -> Claim:
    return claims(one for found in studies for one in found)[name]


def steps(found: Claim) -> str:
    return " ".join(f"{sign} {what}".strip() for sign, what in found["order"].steps)


def test_a_ranking_holds_where_every_pair_is_told_apart():
    found = claim("ranking", study("a", **APART))
    assert found.verdict is Verdict.HOLDS and found["order"].decided == found["order"].pairs == 6
    assert steps(found) == "attention > early > mlp > late"


def test_a_ranking_cannot_be_told_where_the_windows_leave_a_pair_open():
    found = claim("ranking", study("a", noise=0.1, **APART | {"mlp": 1.01}))
    assert found.verdict is Verdict.UNKNOWN and steps(found).endswith("mlp ≈ late")


def test_a_ranking_fails_where_two_parts_are_shown_to_do_equal_harm():
    found = claim("ranking", study("a", noise=0.002, **APART | {"mlp": 1.0}))
    assert found.verdict is Verdict.FAILS
    assert [set(pair) for pair in found["equal"]] == [{"mlp", "late"}]


def test_a_part_that_failed_leaves_the_ranking_open():
    failed = record(model="a", target="late", sparsity=0.4, budget=0.2, error="out of memory")
    records = [one for one in study("a", **APART) if one.experiment.target != "late"]
    assert claim("ranking", [*records, failed]).verdict is Verdict.UNKNOWN


def test_parts_are_ranked_and_not_the_whole():
    found = claim("ranking", study("a", blocks=1.05, **APART))
    assert "blocks" not in found["order"].targets


@pytest.mark.parametrize(
    ("other", "noise", "verdict"),
    [
        (APART, 0.01, Verdict.HOLDS),
        (APART | {"early": 1.35}, 0.01, Verdict.FAILS),
        (APART | {"early": 1.305}, 0.1, Verdict.UNKNOWN),
    ],
)
def test_the_ranking_is_the_same_opposite_or_open_across_models(other, noise, verdict):
    found = claim("same_ranking", study("a", **APART), study("b", noise, **other))
    assert found.verdict is verdict
    if verdict is Verdict.FAILS:
        assert found["shared"].opposed == (("attention", "early", "a", "b"),)
        assert found.evidence.endswith("losing attention harms more than losing early in a, and less in b")
    if verdict is Verdict.UNKNOWN:
        assert ("attention", "early") in found["shared"].undecided and not found["shared"].opposed


def test_a_ranking_across_models_asks_more_of_each_pair_than_one_within_a_model():
    """A pair that one model alone decides stays open once many comparisons share the error."""
    close = {"attention": 1.04, "mlp": 1.02}
    alone = claim("ranking", study("a", noise=0.035, **close))
    many = claim("same_ranking", *(study(name, noise=0.035, **close) for name in "abcdefghij"))
    assert alone.verdict is Verdict.HOLDS and many.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("more", "noise", "verdict"),
    [(1.3, 0.01, Verdict.HOLDS), (1.105, 0.1, Verdict.UNKNOWN), (1.02, 0.01, Verdict.FAILS)],
)
def test_one_part_matters_more_than_another_in_every_model_or_not(more, noise, verdict):
    found = claim("attention_over_mlp", study("a", attention=1.3, mlp=1.1), study("b", noise, attention=more, mlp=1.1))
    assert found.verdict is verdict and ("both models" if verdict is Verdict.HOLDS else "2 models") in found.evidence
