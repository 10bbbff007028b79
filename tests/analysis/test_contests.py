"""Promises of graded claims: rules fixed beforehand, by counts that anybody can check."""

import math

import pytest

from suite.analysis.cells import Cell, cells_of
from suite.analysis.contests import Contest, contest, finished
from suite.analysis.values import NotMeasured, Verdict, below, graded, sign_test
from suite.records.schema import Interval
from suite.report.claims import contested, tally, universal
from tests.synthetic import record

QUIET, LOUD = 0.002, 0.5  # nats by which windows stray: intervals that decide, and that do not
H, M, X, F, U = Verdict.HOLDS, Verdict.MOSTLY, Verdict.MIXED, Verdict.FAILS, Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("wins", "losses", "p"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (5, 0, 2 / 2**5),
        (6, 0, 2 / 2**6),
        (5, 1, 2 * 7 / 2**6),  # 1 + 6 ways of six
        (8, 1, 2 * 10 / 2**9),  # 1 + 9 ways of nine
        (9, 2, 2 * 67 / 2**11),  # 1 + 11 + 55 ways of eleven
        (4, 4, 1.0),  # capped: the two tails share their middle
    ],
)
def test_the_sign_test_is_the_two_sided_binomial_one(wins: int, losses: int, p: float):
    assert sign_test(wins, losses) == pytest.approx(p, rel=1e-12) == sign_test(losses, wins)


@pytest.mark.parametrize(
    ("wins", "losses", "undecided", "verdict"),
    [
        (1, 0, 0, H),
        (30, 0, 0, H),
        (24, 2, 4, M),
        (8, 1, 0, M),  # p = 0.039
        (5, 1, 0, X),  # p = 0.22
        (9, 2, 0, X),  # p = 0.065
        (29, 0, 1, M),  # all but one that is open
        (6, 0, 6, U),  # p = 0.03, and not more than half of all
        (7, 0, 6, M),
        (8, 1, 9, X),  # by the sign test more, and not more than half of all
        (5, 0, 1, U),  # p = 0.06: nothing lost, and too few to say mostly
        (0, 1, 0, F),
        (0, 30, 0, F),
        (2, 24, 4, F),
        (0, 6, 30, F),
        (0, 5, 1, U),
        (1, 5, 0, X),
        (0, 0, 9, U),
        (0, 0, 0, U),
    ],
)
def test_a_claim_is_graded_by_wins_losses_and_what_is_open(wins: int, losses: int, undecided: int, verdict: Verdict):
    assert graded(wins, losses, undecided) is verdict


def cell(model: str, ratio: float, noise: float = QUIET, sparsity: float = 0.5) -> Cell:
    (found,) = cells_of([record(ratio, model=model, target="blocks", sparsity=sparsity, noise=noise)])
    return found


def pair(model: str, ratio: float, noise: float = QUIET, sparsity: float = 0.5) -> tuple[Cell, Cell]:
    """A cell, and another of its model whose perplexity is so many times as high."""
    return cell(model, 1.2, noise, sparsity), cell(model, 1.2 * ratio, noise, sparsity + 0.1)


def held(*pairs: tuple[Cell, Cell]) -> Contest:
    found = contest(pairs)
    assert found is not None
    return found


def test_the_pooled_ratio_is_the_mean_of_models_and_not_of_comparisons():
    """Of model a, 1.2 and 1.5 make sqrt(1.8); of b, 2; of c, 1.25: the cube root of their product."""
    found = held(pair("a", 1.2), pair("a", 1.5, sparsity=0.7), pair("b", 2.0), pair("c", 1.25))
    assert found.by_model == pytest.approx({"a": math.sqrt(1.8), "b": 2.0, "c": 1.25})
    assert found.pooled == pytest.approx((math.sqrt(1.8) * 2.0 * 1.25) ** (1 / 3))
    assert found.verdict is H and found.against is None


def test_its_interval_is_student_s_over_the_models_logarithms():
    """Three models whose logarithms are m - d, m, m + d deviate by d: t at 97.5 % with two degrees is 4.3027."""
    m, d = math.log(1.5), 0.1
    found = held(*(pair(name, math.exp(m + off)) for name, off in (("a", -d), ("b", 0.0), ("c", d))))
    interval = found.interval
    assert isinstance(interval, Interval) and interval.level == 0.95
    assert found.pooled == pytest.approx(1.5)
    assert interval.low == pytest.approx(1.5 * math.exp(-4.3027 * d / math.sqrt(3)), rel=1e-4)
    assert interval.high == pytest.approx(1.5 * math.exp(4.3027 * d / math.sqrt(3)), rel=1e-4)
    assert isinstance(held(pair("a", 1.5), pair("b", 1.6)).interval, NotMeasured), "two models have no interval"


def test_each_comparison_is_decided_at_its_share_of_the_claim_s_error():
    found = held(pair("a", 1.2), pair("b", 0.8), pair("c", 1.01, noise=LOUD), pair("d", 1.3))
    assert [match.verdict for match in found.matches] == [H, F, U, H]
    assert [match.ratio.level for match in found.matches] == pytest.approx([1 - 0.05 / 4] * 4)
    assert (found.count(H), found.count(F), found.count(U)) == (2, 1, 1) and found.verdict is X
    assert found.against is found.matches[1]


def test_another_question_can_be_asked_of_the_ratio():
    found = contest([pair("a", 1.05), pair("b", 1.3)], lambda ratio: below(ratio, 1.1))
    assert found and [match.verdict for match in found.matches] == [H, F]


def test_only_pairs_of_which_both_were_measured_are_held_against_each_other():
    (failed,) = cells_of([record(model="a", target="blocks", sparsity=0.5, error="out of memory")])
    whole = cell("a", 1.2)
    assert finished([(whole, None), (None, whole), (failed, whole), (whole, failed)]) == []
    assert contest([]) is None and contested("name", "This is so", None) is None


def test_a_claim_says_how_many_were_won_and_lost_and_by_how_much():
    found = held(pair("a", 1.2), pair("b", 0.8), pair("c", 1.01, noise=LOUD), pair("d", 1.3))
    claim = contested("name", "This is so", found, ratio="the other has {} its perplexity")
    assert claim and claim.verdict is X and (claim["wins"], claim["losses"], claim["undecided"]) == (2, 1, 1)
    assert claim.short == "in 2 of 4 comparisons, the other way in 1, undecided in 1"
    assert claim.evidence.startswith(f"{claim.short}; the other has 1.06× its perplexity (95\u00a0% interval ")


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ((1, 0, 0), "in the one pair measured"),
        ((0, 1, 0), "not in the one pair measured"),
        ((0, 0, 1), "undecided in the one pair measured"),
        ((3, 0, 0), "in all 3 pairs"),
        ((0, 0, 3), "undecided in all 3 pairs"),
        ((0, 3, 0), "in 0 of 3 pairs, the other way in 3"),
        ((2, 0, 1), "in 2 of 3 pairs, undecided in 1"),
    ],
)
def test_how_comparisons_came_out_is_said_in_words(counts: tuple[int, int, int], said: str):
    assert tally(*counts, "pair") == said


def test_a_universal_claim_is_decided_by_one_counterexample_and_kept_open_by_one_doubt():
    assert universal("name", "This is so", [H, H, F], "model").verdict is F
    assert universal("name", "This is so", [H, H, U], "model").verdict is U
    assert universal("name", "This is so", [H, H], "model").evidence == "in both models"
