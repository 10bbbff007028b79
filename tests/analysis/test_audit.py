"""Promises of the audit and the price: verdicts follow from records, and what was not measured stays open."""

import pytest

from suite.analysis.facts import build_facts
from suite.analysis.values import Claim, NotMeasured, Verdict
from suite.records.schema import Record
from tests.invented import timed, with_speed
from tests.synthetic import phase1, record


def audited(name: str, *records: Record) -> Claim:
    return next(claim for claim in build_facts(records).audit if claim.name == name)


@pytest.mark.parametrize(
    ("ratio", "noise", "verdict"),
    [(1.001, 0.005, Verdict.HOLDS), (1.008, 0.04, Verdict.UNKNOWN), (1.3, 0.01, Verdict.FAILS)],
)
def test_half_the_weights_are_dead_weight_only_within_one_per_cent(ratio, noise, verdict):
    assert (
        audited("dead_weight", record(), record(target="all", sparsity=0.5, ratio=ratio, noise=noise)).verdict
        is verdict
    )


@pytest.mark.parametrize(
    ("ratio", "noise", "verdict"),
    [(1.05, 0.01, Verdict.HOLDS), (1.1, 0.04, Verdict.UNKNOWN), (8.0, 0.01, Verdict.FAILS)],
)
def test_ninety_per_cent_can_go_only_within_the_tolerance(ratio, noise, verdict):
    found = audited("ninety_percent", record(), record(target="all", sparsity=0.9, ratio=ratio, noise=noise))
    assert found.verdict is verdict


@pytest.mark.parametrize(
    ("speed", "width", "verdict"),
    [(600.0, 2.0, Verdict.HOLDS), (500.0, 40.0, Verdict.UNKNOWN), (101.0, 2.0, Verdict.FAILS)],
)
def test_five_times_faster_is_asked_of_the_fastest_pruned_cell(speed, width, verdict):
    dense, *pruned = phase1()
    slow = [with_speed(one, timed(100.0, 0.5)) for one in pruned[1:]]
    found = audited(
        "five_times", with_speed(dense, timed(100.0, 0.5)), with_speed(pruned[0], timed(speed, width)), *slow
    )
    assert found.verdict is verdict


def test_what_was_not_measured_cannot_be_told():
    found = build_facts([record(), record(target="all", sparsity=0.3)]).audit
    by_name = {claim.name: claim for claim in found}
    for name in ("dead_weight", "ninety_percent"):
        assert by_name[name].verdict is Verdict.UNKNOWN and isinstance(by_name[name]["interval"], NotMeasured)
    dense_only = build_facts([record()]).audit
    assert {claim.verdict for claim in dense_only} == {Verdict.UNKNOWN}


def test_the_price_is_of_a_cell_whose_file_was_written():
    searched = {"measure": ("perplexity",)}
    found = build_facts(
        [
            record(),
            record(target="all", sparsity=0.4, ratio=1.05),
            record(target="all", sparsity=0.42, ratio=1.09, **searched),
            record(target="all", sparsity=0.43, ratio=1.2, **searched),
        ]
    ).headline
    assert found.within and found.within.sparsity == 0.42
    assert found.price and found.price.sparsity == 0.4 and found.price.ratio == 1.05
    assert found.price.smaller == pytest.approx(1 - (1.06 - 0.94 * 0.4), abs=1e-6)
    assert not isinstance(found.price.speed, NotMeasured) and found.price.speed.cell.sparsity == 0.4


def test_a_price_that_was_not_measured_is_not_made_up():
    thin = {"measure": ("perplexity",)}
    price = build_facts([record(**thin), record(target="all", sparsity=0.4, ratio=1.05, **thin)]).headline.price
    assert price and isinstance(price.smaller, NotMeasured) and isinstance(price.speed, NotMeasured)
    assert build_facts([record(), record(target="all", sparsity=0.4, ratio=1.5)]).headline.price is None
