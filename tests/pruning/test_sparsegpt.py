"""SparseGPT removes and corrects as the formulas of its paper say."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from suite.evaluation import memory
from suite.protocol import SPARSEGPT_BLOCK, SPARSEGPT_DAMPING
from suite.pruning.choose import choose
from suite.pruning.sparsegpt import Factor, inverse_factor, sparsegpt

NONE_UNSEEN = torch.zeros(3, dtype=torch.bool)


def lowest(costs: Tensor, count: int) -> Tensor:
    removed = torch.zeros(costs.numel(), dtype=torch.bool)
    removed[costs.flatten().sort(stable=True).indices[:count]] = True
    return removed.view(costs.shape)


def by_the_paper(weight: Tensor, hessian: Tensor, counts: dict[int, int], width: int) -> tuple[Tensor, Tensor]:
    """Optimal brain surgery in the plain way, float64: the inverse of what is left of H, again for every column."""
    rest, removed = weight.double().clone(), torch.zeros(weight.shape, dtype=torch.bool)
    columns = weight.shape[1]
    for column in range(columns):
        if column % width == 0:
            ahead = range(column, min(column + width, columns))
            remaining = torch.tensor([float(hessian[j:, j:].inverse()[0, 0]) for j in ahead])
            removed[:, ahead] = lowest(rest[:, ahead] ** 2 / remaining, counts[column])
        inverse = hessian[column:, column:].inverse()
        gone = torch.where(removed[:, column], rest[:, column], 0)
        rest[:, column:] -= torch.outer(gone / inverse[0, 0], inverse[0])
        rest[removed[:, column], column] = 0
    return removed, rest


def test_two_rows_of_three_by_hand() -> None:
    """H = [[2,1,0],[1,2,1],[0,1,2]]; the first entries of the inverses of H[j:, j:] are 3/4, 2/3 and 1/2."""
    upper = torch.tensor(
        [
            [math.sqrt(3) / 2, -1 / math.sqrt(3), 1 / (2 * math.sqrt(3))],
            [0, math.sqrt(2 / 3), -1 / math.sqrt(6)],
            [0, 0, 1 / math.sqrt(2)],
        ]
    )
    weight = torch.tensor([[1.0, 2.0, 3.0], [4.0, 1.0, 1.0]])
    seen = []

    def three_lowest(costs: Tensor, start: int) -> Tensor:
        seen.append((costs, start))
        return lowest(costs, 3)

    removed, corrected = sparsegpt(weight, Factor(upper, NONE_UNSEEN), three_lowest)
    ((costs, start),) = seen
    assert start == 0
    assert torch.allclose(costs, torch.tensor([[4 / 3, 6.0, 18.0], [64 / 3, 3 / 2, 2.0]]))
    assert removed.tolist() == [[True, False, False], [False, True, True]]
    # Row 0: -1 / (3/4) x (3/4, -1/2, 1/4) is added. Row 1: -1 / (2/3) x (2/3, -1/3), and then the last one goes.
    assert torch.allclose(corrected, torch.tensor([[0, 8 / 3, 8 / 3], [4.0, 0, 0]]))


@pytest.mark.parametrize("width", [4, 8, SPARSEGPT_BLOCK])
def test_the_same_as_optimal_brain_surgery_column_by_column(width: int) -> None:
    generator = torch.Generator().manual_seed(width)
    columns = SPARSEGPT_BLOCK + 24
    weight = torch.randn(5, columns, generator=generator)
    fed = torch.randn(columns, 400, generator=generator) + torch.randn(1, 400, generator=generator)
    gram = fed @ fed.T
    damped = gram.double() + SPARSEGPT_DAMPING * gram.double().diagonal().mean() * torch.eye(columns)
    counts = {start: 5 * min(width, columns - start) // 2 for start in range(0, columns, width)}
    expected, rest = by_the_paper(weight, damped, counts, width)
    removed, corrected = sparsegpt(
        weight, inverse_factor(gram.clone()), lambda costs, start: lowest(costs, counts[start]), width
    )
    assert torch.equal(removed, expected)
    assert torch.allclose(corrected.double(), rest, atol=1e-4)
    # and it is worth it: the layer's output suffers less than without the corrections
    wrong = (weight - corrected) @ fed
    assert wrong.square().sum() < 0.7 * (torch.where(removed, weight, 0) @ fed).square().sum()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_the_weight_is_left_as_it_is(dtype: torch.dtype) -> None:
    weight = torch.randn(3, 4).to(dtype)
    before = weight.clone()
    _, corrected = sparsegpt(weight, inverse_factor(torch.eye(4)), lambda costs, _: lowest(costs, 6))
    assert torch.equal(weight, before)
    assert corrected.dtype == torch.float32


def test_inputs_that_were_never_fed_lose_their_weights() -> None:
    fed = torch.randn(6, 50)
    fed[2] = 0
    removed, corrected = sparsegpt(torch.randn(4, 6), inverse_factor(fed @ fed.T), lambda costs, _: lowest(costs, 2))
    assert removed[:, 2].sum() == 2  # what goes costs nothing
    assert (corrected[:, 2] == 0).all()


def test_scope_published_counts_in_blocks_with_ties() -> None:
    """The published code: `cost <= sorted(cost.flatten())[int(n * s)]` for every 128 columns."""
    weight = torch.randn(3, SPARSEGPT_BLOCK + 10, generator=torch.Generator().manual_seed(3))
    fed = torch.randn(SPARSEGPT_BLOCK + 10, 300, generator=torch.Generator().manual_seed(4))
    ((_, removed, *_),) = choose(
        {"w": weight.numel()},
        lambda _: weight,
        criterion="sparsegpt",
        scope="reference",
        sparsity=0.5,
        inputs=lambda _: inverse_factor(fed @ fed.T),
    )
    assert int(removed[:, :SPARSEGPT_BLOCK].sum()) == 3 * SPARSEGPT_BLOCK // 2 + 1
    assert int(removed[:, SPARSEGPT_BLOCK:].sum()) == 3 * 10 // 2 + 1


def test_the_factor_is_that_of_the_damped_inverse() -> None:
    fed = torch.randn(40, 200, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    gram = fed @ fed.T
    expected = torch.linalg.cholesky(
        (gram + SPARSEGPT_DAMPING * gram.diagonal().mean() * torch.eye(40)).inverse(), upper=True
    )
    assert torch.allclose(inverse_factor(gram.float()).upper.double(), expected, atol=1e-5)


def test_what_cannot_be_inverted_is_told() -> None:
    with pytest.raises(torch.linalg.LinAlgError):  # type: ignore[attr-defined]
        inverse_factor(torch.tensor([[1.0, 5.0], [5.0, 1.0]]))


def test_factoring_holds_three_matrices_at_most() -> None:
    size = 3000
    fed = torch.randn(size, size + 10)
    inverse_factor(fed[:64] @ fed[:64].T)  # what the library sets aside for itself
    gram = fed @ fed.T
    before = memory.resident()
    memory.reset_peaks()
    inverse_factor(gram)
    high = memory._status("VmHWM:")
    if high is None or before is None:
        pytest.skip("the peak of the resident set cannot be read here")
    assert high - before < 2.2 * gram.nbytes  # beside the one that was given
