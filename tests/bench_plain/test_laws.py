"""Power laws are told as they are: the exponent, how sure it is, and from which size on it holds."""

import pytest
from laws import Growth, fit

SIZES = (1.0, 2.0, 4.0, 8.0, 16.0)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_a_power_law_is_found_again_and_holds_everywhere(exponent: float):
    law = fit(SIZES, [3 * size**exponent for size in SIZES], exponent)
    assert law.exponent == pytest.approx(exponent)
    assert law.low == pytest.approx(law.high)
    assert law.holds_from == 1.0


def test_a_constant_part_lowers_the_exponent_and_the_law_holds_only_above_it():
    law = fit(SIZES, [2 + size for size in SIZES], 1.0)
    assert law.exponent < 0.8
    assert law.holds_from == 8.0  # 10 against 9 expected; at 4, 6 against 4.5


def test_noise_widens_the_interval():
    law = fit(SIZES, [1.1, 1.8, 4.4, 7.2, 17.6], 1.0)
    assert law.low < 1.0 < law.high
    assert law.high - law.low > 0.1


def test_growth_beyond_what_is_expected_misses_its_target():
    def grown(exponent: float) -> Growth:
        costs = tuple((size**exponent,) for size in SIZES)
        return Growth("prune", "all", "weights", "s", SIZES, costs)

    assert grown(1.0).row().met
    assert grown(0.6).row().met
    assert not grown(1.3).row().met


def test_a_cost_that_outgrows_its_law_is_not_said_to_follow_it():
    growth = Growth("plan", "cells", "cells", "s", SIZES, tuple((size**3,) for size in SIZES))
    assert "at no two sizes" in growth.words
