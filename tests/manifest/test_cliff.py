"""A search finds the first crossing to 1 %, by bisection, and asks for nothing it was told already.

A sequential one is told of most points only on which side of the factors they are, and finds the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from suite.manifest.cliff import Known, Left, Search
from suite.protocol import SCAN
from tests.searched import TEMPLATE, bracket

Told = Callable[[float, float], bool | None]  # whether a sparsity exceeds a factor, as a step tells it


def search(ratio: Callable[[float], float], *factors: float, known: tuple[float, ...] = ()) -> dict[float, float]:
    """The ratios of a search on the whole text."""
    found = Known({sparsity: ratio(sparsity) for sparsity in known})
    hunt = Search(TEMPLATE, factors)
    while (point := hunt.next(found)) is not None:
        assert point.sparsity not in found.ratios and point.sequential is None
        assert sum(hunt.left(found)) > 0
        found.ratios[point.sparsity] = ratio(point.sparsity)
    assert hunt.left(found) == Left(0, 0)
    assert len(found.ratios) - len(known) <= sum(hunt.most)
    return found.ratios


def sequential(ratio: Callable[[float], float], *factors: float, told: Told | None = None) -> Known:
    """What a sequential search comes to know, its steps answered by `told`, which is right unless it is given."""
    answer = told or (lambda sparsity, factor: ratio(sparsity) > factor)
    found, hunt = Known(), Search(TEMPLATE, factors, sequential=True)
    while (point := hunt.next(found)) is not None:
        assert sum(hunt.left(found)) > 0
        if point.sequential is None:
            assert point.sparsity not in found.ratios
            found.ratios[point.sparsity] = ratio(point.sparsity)
        else:
            assert point.sparsity not in found.decided and point.measure == ()
            found.decided[point.sparsity] = {factor: answer(point.sparsity, factor) for factor in factors}
    assert hunt.left(found) == Left(0, 0)
    return found


def steep(sparsity: float) -> float:
    return 1 + 0.001 * math.exp(12 * sparsity)


@pytest.mark.parametrize("factor", [1.01, 1.1, 2.0, 10.0, 100.0])
def test_the_crossing_is_found_to_one_per_cent(factor: float) -> None:
    ratios = search(steep, factor)
    crossing = math.log((factor - 1) / 0.001) / 12
    below = max(s for s, ratio in ratios.items() if ratio <= factor)
    above = min(s for s, ratio in ratios.items() if ratio > factor)
    assert below <= crossing <= above
    assert above - below == pytest.approx(0.01)


def test_a_curve_that_falls_again_gives_its_first_crossing() -> None:
    ratios = search(lambda s: 3.0 if 0.25 <= s <= 0.45 or s > 0.8 else 1.0, 2.0)
    assert min(s for s, ratio in ratios.items() if ratio > 2) == 0.25
    assert 0.24 in ratios


def test_known_points_are_used() -> None:
    alone = search(steep, 1.1, 2.0)
    helped = search(steep, 1.1, 2.0, known=(0.1, 0.2, 0.3, 0.4, 0.5))
    assert set(alone) == set(helped)


def test_a_curve_that_never_crosses_ends_with_the_scan() -> None:
    assert set(search(lambda s: 1.0, 1.1)) == set(SCAN)


def test_a_model_that_gives_no_number_any_more_is_past_the_cliff() -> None:
    ratios = search(lambda s: math.inf if s > 0.535 else 1.0, 10.0)
    assert 0.53 in ratios and 0.54 in ratios


def test_a_point_of_the_grid_belongs_to_the_search_whatever_else_is_measured() -> None:
    hunt = Search(TEMPLATE, (2.0,), sequential=True)
    assert hunt.covers(hunt.step(0.55)) and hunt.covers(hunt.at(0.55))
    assert hunt.covers(TEMPLATE.model_copy(update={"sparsity": 0.55, "measure": ("perplexity", "generation")}))
    assert not hunt.covers(TEMPLATE.model_copy(update={"target": "blocks"}))
    assert not hunt.covers(TEMPLATE.model_copy(update={"budget": 0.1}))


@pytest.mark.parametrize("factors", [(1.1,), (1.1, 2.0, 10.0), (1.0005,), (1e9,)])
@pytest.mark.parametrize("ratio", [steep, lambda s: 3.0 if 0.25 <= s <= 0.45 or s > 0.8 else 1.0])
def test_a_sequential_search_finds_the_same_and_measures_whole_only_around_the_crossings(
    factors: tuple[float, ...], ratio: Callable[[float], float]
) -> None:
    whole, found = search(ratio, *factors), sequential(ratio, *factors)
    for factor in factors:
        below, above = bracket(whole, factor)
        assert (below, above) == bracket(found.ratios, factor)
        assert above is None or above - below == pytest.approx(0.01)
    hunt = Search(TEMPLATE, factors, sequential=True)
    assert len(found.ratios) <= hunt.most.whole + len(factors)  # one in three halvings measures a cell too many
    assert len(found.decided) <= hunt.most.steps


@pytest.mark.parametrize("wrong", [0.1, 0.3, 0.4, 0.5, 0.55, 0.56, 0.57, 0.58, 0.7])
def test_a_step_that_was_wrong_is_put_right_by_the_whole_text(wrong: float) -> None:
    truth = bracket(search(steep, 2.0), 2.0)

    def told(sparsity: float, factor: float) -> bool:
        right = steep(sparsity) > factor
        return not right if sparsity == wrong else right

    assert bracket(sequential(steep, 2.0, told=told).ratios, 2.0) == truth


def test_a_step_that_stays_open_is_measured_on_the_whole_text() -> None:
    def told(sparsity: float, factor: float) -> bool | None:
        return None if abs(steep(sparsity) / factor - 1) < 0.5 else steep(sparsity) > factor

    found = sequential(steep, 1.1, 2.0, told=told)
    open_ones = {s for s, answers in found.decided.items() if None in answers.values()}
    assert open_ones and open_ones <= set(found.ratios) | {
        s for s in open_ones if all(answer is not None for f, answer in found.decided[s].items() if f == 2.0)
    }
    for factor in (1.1, 2.0):
        assert bracket(found.ratios, factor) == bracket(search(steep, factor), factor)


def test_a_step_that_fails_is_past_every_factor() -> None:
    found = sequential(lambda s: math.inf if s > 0.535 else 1.0, 10.0)
    assert bracket(found.ratios, 10.0) == (0.53, 0.54)


def test_what_was_measured_on_the_whole_text_is_not_asked_again_by_steps() -> None:
    whole = Known(search(steep, 1.1, 2.0))
    assert Search(TEMPLATE, (1.1, 2.0), sequential=True).next(whole) is None
