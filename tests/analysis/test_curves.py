"""Promises of curves: how the takeaway is chosen, and what it says when there is none."""

import pytest

from suite.analysis.curves import Curve
from suite.analysis.facts import build_facts
from suite.analysis.headline import Answer
from suite.analysis.mass import orders_by_mass
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
    curve = main_curve({0.3: 1.05, 0.5: 1.5, 0.7: 12.0})
    found = [curve.crossing(factor) for factor in (1.1, 2.0, 10.0, 20.0)]
    assert [(c.factor, c.below, c.above) for c in found] == [
        (1.1, 0.3, 0.5),
        (2.0, 0.5, 0.7),
        (10.0, 0.5, 0.7),
        (20.0, 0.7, None),
    ]


def main_curve(ratios: dict[float, float], noise: float = 0.01) -> Curve:
    cells = [record(target="all", sparsity=s, ratio=r, noise=noise) for s, r in ratios.items()]
    curve = build_facts([record(), *cells]).main.main
    assert curve is not None
    return curve


def test_a_crossing_is_exact_only_between_points_one_per_cent_apart():
    found = main_curve({0.6: 1.08, 0.61: 1.12, 0.8: 3.0})
    assert found.crossing(1.1).exact and not found.crossing(2.0).exact and not found.crossing(10.0).exact


def test_certainty_of_a_crossing_ends_where_the_first_interval_leaves_the_factor():
    found = main_curve({0.4: 1.02, 0.5: 1.099, 0.51: 1.101, 0.6: 1.3}).crossing(1.1)
    assert (found.below, found.above) == (0.5, 0.51)
    assert (found.certain_below, found.certain_above) == (0.4, 0.6)


def test_certainty_needs_every_interval_up_to_where_it_ends():
    cells = [record(target="all", sparsity=s, ratio=r, noise=0.01) for s, r in ((0.4, 1.02), (0.5, 1.3))]
    few = {"interval": None, "windows": 10, "nll_per_window": cells[0].perplexity.nll_per_window[:10]}
    blind = cells[0].perplexity.model_copy(update=few)
    curve = build_facts([record(), cells[0].model_copy(update={"perplexity": blind}), cells[1]]).main.main
    found = curve.crossing(1.1)
    assert (found.above, found.certain_below, found.certain_above) == (0.5, None, None)


def test_a_table_shows_the_coarse_points_and_those_around_each_crossing():
    ratios = {s / 100: 1.0 + 0.0004 * s for s in (10, 20, 30, 40, 41, 42, 43, 44, 46, 47)}
    curve = main_curve({**ratios, 0.48: 1.2, 0.49: 1.3, 0.5: 1.5})
    shown = [point.sparsity for point in curve.shown((1.1,))]
    assert shown == [0.1, 0.2, 0.3, 0.4, 0.47, 0.48, 0.5]
    assert len(main_curve({0.11: 1.0, 0.12: 1.0, 0.13: 1.2}).shown((1.1,))) == 3


def test_removable_mass_is_the_share_of_the_blocks_weights_below_the_crossing():
    cells = [record(target="attention", sparsity=s, ratio=r, noise=0.01) for s, r in ((0.4, 1.05), (0.41, 1.2))]
    cells += [record(target="mlp", sparsity=s, ratio=r, noise=0.01) for s, r in ((0.2, 1.05), (0.3, 1.2))]
    model = build_facts([record(), *cells]).main
    attention, mlp = model.removable
    assert (attention.what, attention.share) == ("attention", 0.25)
    assert attention.masses[0].low == pytest.approx(0.1) and attention.masses[0].high == pytest.approx(0.1025)
    assert mlp.masses[0].low == pytest.approx(0.15) and mlp.masses[1].high is None
    order = orders_by_mass(model.name, model.removable)
    assert [found.steps for found in order] == [(("", "attention"), (">", "mlp")), (("", "attention"), ("≈", "mlp"))]


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
