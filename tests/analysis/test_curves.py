"""Promises of curves: how the takeaway is chosen, and what it says when there is none."""

import pytest

from suite.analysis.claims import Answer
from suite.analysis.curves import Crossing
from suite.analysis.facts import build_facts
from suite.analysis.values import MissingResultError, NotMeasured, Verdict
from tests.synthetic import phase1, record


def curve_facts(ratios: dict[float, float]):
    return build_facts([record(), *(record(target="all", sparsity=s, ratio=r) for s, r in ratios.items())])


def test_the_takeaway_is_the_largest_sparsity_with_all_smaller_ones_within_tolerance():
    headline = curve_facts({0.1: 1.01, 0.2: 1.2, 0.3: 1.02}).headline
    assert headline.answer is Answer.FOUND
    assert headline.within and headline.within.sparsity == 0.1
    assert headline.past and headline.past.sparsity == 0.2


def test_the_takeaway_says_so_when_even_the_smallest_cut_is_too_much():
    headline = curve_facts({0.1: 1.2, 0.2: 3.0}).headline
    assert (headline.answer, headline.within, headline.verdict) == (Answer.NONE, None, Verdict.FAILS)


def test_the_takeaway_says_so_when_the_limit_was_not_reached():
    headline = curve_facts({0.1: 1.01, 0.2: 1.02}).headline
    assert headline.answer is Answer.BEYOND and headline.within and headline.within.sparsity == 0.2


def test_a_takeaway_whose_interval_crosses_the_tolerance_cannot_be_told():
    assert curve_facts({0.1: 1.095, 0.2: 2.0}).headline.verdict is Verdict.UNKNOWN
    assert curve_facts({0.1: 1.02, 0.2: 2.0}).headline.verdict is Verdict.HOLDS


def test_crossings_lie_between_measured_points_only():
    curve = curve_facts({0.3: 1.05, 0.5: 1.5, 0.7: 12.0}).main.main
    assert curve is not None
    found = [curve.crossing(factor) for factor in (1.1, 2.0, 10.0, 20.0)]
    assert found == [
        Crossing(1.1, 0.3, 0.5),
        Crossing(2.0, 0.5, 0.7),
        Crossing(10.0, 0.5, 0.7),
        Crossing(20.0, 0.7, None),
    ]


def test_seeds_are_one_point_with_their_mean_and_spread():
    seeds = [record(target="all", sparsity=0.1, criterion="random", seed=i, ratio=r) for i, r in enumerate((2.0, 4.0))]
    control = build_facts([*phase1(), *seeds]).main.control
    assert control is not None and len(control.points) == 1
    point = control.points[0]
    assert point.ratio == pytest.approx(3.0) and point.spread == pytest.approx((1.47 * 2, 1.47 * 4))
    assert isinstance(point.interval, NotMeasured), "an interval over the text must not pass for a spread of seeds"


def test_a_curve_that_is_not_there_is_an_error():
    with pytest.raises(MissingResultError):
        build_facts(phase1()).main.curve("magnitude", "attention")
