"""Promises of what had been said: verdicts follow from records, and what was not measured stays open."""

import pytest

from suite.analysis.values import Verdict
from suite.records.schema import Record
from tests.invented import timed, with_speed
from tests.synthetic import phase1, record
from tests.told import claims, found

STATED = ("dead_weight", "ninety_percent", "five_times")


def verdict_of(name: str, *records: Record) -> Verdict:
    return claims(records)[name].verdict


@pytest.mark.parametrize(
    ("ratio", "noise", "verdict"),
    [(1.001, 0.005, Verdict.HOLDS), (1.008, 0.04, Verdict.UNKNOWN), (1.3, 0.01, Verdict.FAILS)],
)
def test_half_the_weights_are_dead_weight_only_within_one_per_cent(ratio, noise, verdict):
    pruned = record(target="all", sparsity=0.5, ratio=ratio, noise=noise)
    assert verdict_of("dead_weight", record(), pruned) is verdict


@pytest.mark.parametrize(
    ("ratio", "noise", "verdict"),
    [(1.05, 0.01, Verdict.HOLDS), (1.1, 0.04, Verdict.UNKNOWN), (8.0, 0.01, Verdict.FAILS)],
)
def test_ninety_per_cent_can_go_only_within_the_tolerance(ratio, noise, verdict):
    pruned = record(target="all", sparsity=0.9, ratio=ratio, noise=noise)
    assert verdict_of("ninety_percent", record(), pruned) is verdict


@pytest.mark.parametrize(
    ("speed", "width", "verdict"),
    [(600.0, 2.0, Verdict.HOLDS), (500.0, 40.0, Verdict.UNKNOWN), (101.0, 2.0, Verdict.FAILS)],
)
def test_five_times_faster_is_asked_of_the_fastest_pruned_cell(speed, width, verdict):
    dense, *pruned = phase1()
    slow = [with_speed(one, timed(100.0, 0.5)) for one in pruned[1:]]
    fast = with_speed(pruned[0], timed(speed, width))
    assert verdict_of("five_times", with_speed(dense, timed(100.0, 0.5)), fast, *slow) is verdict


def test_what_was_not_measured_cannot_be_told():
    told = claims([record(), record(target="all", sparsity=0.3)])
    for name in ("dead_weight", "ninety_percent"):
        assert told[name].verdict is Verdict.UNKNOWN and "nothing was measured" in told[name].evidence
    bare = {"measure": ("perplexity",)}
    assert verdict_of("five_times", record(**bare), record(target="all", sparsity=0.3, **bare)) is Verdict.UNKNOWN


def test_the_statements_are_of_magnitude_and_no_other_criterion_answers_for_it():
    told = claims([record(), record(target="all", sparsity=0.5, ratio=1.0, noise=0.001, criterion="wanda")])
    assert {told[name].verdict for name in STATED} == {Verdict.UNKNOWN}
    assert found("first_study", [record()]) is None, "nothing was pruned, so nothing is held against the statements"
