"""OWL gives the layers with more outliers a lower sparsity, and keeps the whole exact."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from suite.protocol import OWL_SPREAD
from suite.pruning.owl import outlier_share, owl_sparsities


def test_outliers_are_scores_above_five_times_the_mean_of_their_layer() -> None:
    first = torch.tensor([[1.0, 1.0, 1.0, 100.0], [1.0, 1.0, 1.0, 1.0]])  # alone: a mean of 13.4, one outlier
    second = torch.full((2, 6), 7.0)
    assert outlier_share(lambda: [first]) == 1 / 8
    assert outlier_share(lambda: [second]) == 0
    # together: a mean of (107 + 84) / 20 = 9.55, a bound of 47.75
    assert outlier_share(lambda: [first, second]) == 1 / 20


def test_three_layers_by_hand() -> None:
    assert owl_sparsities([0.10, 0.0, 0.05], [8, 8, 8], 0.5) == pytest.approx([0.42, 0.58, 0.50])
    assert owl_sparsities([0.0, 0.3], [1, 3], 0.5) == pytest.approx([0.62, 0.46])  # (0.62 + 3 x 0.46) / 4


def test_layers_alike_share_alike() -> None:
    assert owl_sparsities([0.02, 0.02], [5, 7], 0.3) == pytest.approx([0.3, 0.3])


def test_what_would_lie_beyond_all_is_made_up_for_by_the_others() -> None:
    assert owl_sparsities([0.0, 1.0], [1, 1], 0.95) == pytest.approx([1.0, 0.9])
    assert owl_sparsities([0.0, 1.0], [1, 1], 0.05) == pytest.approx([0.1, 0.0])


def test_all_is_all_however_the_mean_is_rounded() -> None:
    assert owl_sparsities([0.0, 0.125], [1, 3], 1.0) == [1.0, 1.0]


@given(
    st.lists(st.tuples(st.floats(0, 0.2), st.integers(1, 10**9)), min_size=1, max_size=40),
    st.floats(0, 1),
)
def test_the_mean_is_kept_and_the_order_is_that_of_the_outliers(
    layers: list[tuple[float, int]], sparsity: float
) -> None:
    shares, weights = [share for share, _ in layers], [count for _, count in layers]
    found = owl_sparsities(shares, weights, sparsity)
    assert all(0 <= one <= 1 for one in found)
    assert max(found) - min(found) <= 2 * OWL_SPREAD + 1e-9
    assert sum(s * n for s, n in zip(found, weights, strict=True)) == pytest.approx(sparsity * sum(weights), abs=1e-3)
    ranked = sorted(range(len(layers)), key=lambda i: shares[i])
    assert all(found[a] >= found[b] for a, b in itertools.pairwise(ranked))
