"""RIA scores a weight by its share of its row and of its column, and by the root of its input's norm."""

from __future__ import annotations

import pytest
import torch

from suite.pruning.choose import choose
from suite.pruning.ria import ria_scores


def test_two_rows_of_two_by_hand() -> None:
    """Rows sum to 4 and 6, columns to 3 and 7; the inputs' norms are 4 and 1, so their roots 2 and 1."""
    scores = ria_scores(torch.tensor([[1.0, -3.0], [2.0, 4.0]]), torch.tensor([4.0, 1.0]))
    expected = [[2 * (1 / 3 + 1 / 4), 3 / 7 + 3 / 4], [2 * (2 / 3 + 2 / 6), 4 / 7 + 4 / 6]]
    assert scores.tolist() == [pytest.approx(row) for row in expected]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_the_same_as_the_formula_in_float64(dtype: torch.dtype) -> None:
    weight = torch.randn(20, 31, generator=torch.Generator().manual_seed(0)).to(dtype)
    norms = torch.rand(31, generator=torch.Generator().manual_seed(1)) * 1e5
    size = weight.double().abs()
    expected = (size / size.sum(0) + size / size.sum(1, keepdim=True)) * norms.double().sqrt()
    assert torch.allclose(ria_scores(weight, norms).double(), expected, rtol=1e-5)


def test_rows_and_columns_of_zeros_go_first() -> None:
    """Their shares are 0 / 0, and what is not a number would stay."""
    weight = torch.randn(6, 5, generator=torch.Generator().manual_seed(2))
    weight[2], weight[:, 1] = 0, 0
    scores = ria_scores(weight, torch.ones(5))
    assert torch.equal(scores == 0, weight == 0)
    assert scores.isfinite().all()


@pytest.mark.parametrize(("sparsity", "gone"), [(0.5, 18), (0.7, 25)])
def test_as_published_counts_one_more_than_the_share(sparsity: float, gone: int) -> None:
    """`M <= sorted(M)[int(n * s)]` of the whole matrix, 5 x 7."""
    (one,) = choose(
        {"w": 35},
        lambda _: torch.randn(5, 7, generator=torch.Generator().manual_seed(3)),
        criterion="ria",
        scope="reference",
        sparsity=sparsity,
        inputs=lambda _: torch.ones(7),
    )
    assert int(one.removed.sum()) == gone
