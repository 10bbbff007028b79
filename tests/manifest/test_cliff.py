"""A search finds the first crossing to 1 %, by bisection, and asks for nothing it was told already."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from suite.manifest.cliff import SCAN, Search
from suite.records.experiment import Experiment, TextReference

TEMPLATE = Experiment(
    model="m",
    revision="r",
    criterion="magnitude",
    target="all",
    text=TextReference(name="t", revision="r", join=""),
    context=64,
)


def search(ratio: Callable[[float], float], *factors: float, known: tuple[float, ...] = ()) -> dict[float, float]:
    ratios = {sparsity: ratio(sparsity) for sparsity in known}
    hunt = Search(TEMPLATE, factors)
    while (sparsity := hunt.next(ratios)) is not None:
        assert sparsity not in ratios
        assert hunt.left(ratios) > 0
        ratios[sparsity] = ratio(sparsity)
    assert hunt.left(ratios) == 0
    assert len(ratios) - len(known) <= hunt.most
    return ratios


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
    hunt = Search(TEMPLATE, (2.0,))
    assert hunt.covers(TEMPLATE.model_copy(update={"sparsity": 0.55, "measure": ("perplexity", "generation")}))
    assert not hunt.covers(TEMPLATE.model_copy(update={"target": "blocks"}))
    assert not hunt.covers(TEMPLATE.model_copy(update={"budget": 0.1}))
