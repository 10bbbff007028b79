"""A structure is worth what its weights are worth together, and exactly as many as asked go."""

from __future__ import annotations

import pytest
import torch

from suite.pruning.structures import least_worth, worth

WEIGHT = torch.tensor([[1.0, -2.0, 0.0], [3.0, 0.5, -4.0]])


def test_without_inputs_weights_count_by_their_squares() -> None:
    assert worth(WEIGHT, side=0).tolist() == [5.0, 25.25]
    assert worth(WEIGHT, side=1).tolist() == [10.0, 4.25, 16.0]
    assert worth(WEIGHT).item() == 30.25


def test_with_inputs_weights_count_by_their_wanda_scores() -> None:
    norms = torch.tensor([1.0, 10.0, 0.5])
    assert worth(WEIGHT, norms, 0).tolist() == [21.0, 10.0]
    assert worth(WEIGHT, norms, 1).tolist() == [4.0, 25.0, 2.0]
    assert worth(WEIGHT, norms).item() == 31.0


def test_small_worths_are_not_lost_beside_a_large_one() -> None:
    halves = torch.full((1, 2**14), 2.0**-12, dtype=torch.float16)
    halves[0, 0] = 1.0
    assert worth(halves).item() == 1 + (2**14 - 1) * 2.0**-24


@pytest.mark.parametrize(("sparsity", "gone"), [(0.0, []), (0.5, [1, 3]), (0.6, [1, 2, 3]), (1.0, [0, 1, 2, 3, 4])])
def test_so_many_go_ties_by_place(sparsity: float, gone: list[int]) -> None:
    keys = torch.tensor([9, 1, 4, 2, 4], dtype=torch.int32)
    assert least_worth(keys, sparsity).nonzero().flatten().tolist() == gone
