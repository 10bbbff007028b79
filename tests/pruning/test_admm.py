"""ADMM removes and corrects as the formulas of its paper say."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from suite.evaluation import memory
from suite.protocol import ADMM_CHOOSING, ADMM_ITERATIONS
from suite.pruning.admm import LEAST_NORM, admm, solver
from tests.pruning.chosen import choice, inputs


def test_one_row_of_two_by_hand() -> None:
    """X X^T = [[4, 1], [1, 1]]: the norms are 2 and 1, damped H = [[1.1, 1/2], [1/2, 1.1]], the weights times the norms
    (4, 1). The second goes, and the first becomes what minimises 1.1 v^2 - 2 v (1.1 x 4 + 1/2 x 1): 4 + 1/2.2."""
    weight = torch.tensor([[2.0, 1.0]])
    found, corrected, _ = admm(weight, solver(torch.tensor([[4.0, 1.0], [1.0, 1.0]])), choice(weight, "admm"), "code")
    assert found.tolist() == [[False, True]]
    assert corrected.tolist() == [[pytest.approx((4 + 1 / 2.2) / 2, abs=1e-4), 0]]


def by_the_paper(weight: Tensor, fed: Tensor, counts: list[int]) -> tuple[Tensor, Tensor]:
    """In the plain way, float64; `counts` are the weights that go in each iteration that chooses."""
    fed = fed.double()
    norms = fed.square().sum(0).sqrt() + LEAST_NORM
    hessian = (fed / norms).T @ (fed / norms)
    hessian += 0.1 * hessian.diagonal().mean() * torch.eye(len(norms))
    value = (weight.double() * norms).T
    target, inverse = hessian @ value, (hessian + torch.eye(len(norms))).inverse()
    dual, kept = torch.zeros_like(value), torch.ones_like(value, dtype=torch.bool)
    for iteration in range(ADMM_ITERATIONS):
        if iteration < len(counts):
            gone = torch.zeros(weight.numel(), dtype=torch.bool)
            gone[(value + dual).abs().T.flatten().sort(stable=True).indices[: counts[iteration]]] = True
            kept = ~gone.view(weight.shape).T
        held = (value + dual) * kept
        dual = dual + value - held
        value = inverse @ (target + held - dual)
    return ~kept.T, ((value + dual) * kept / norms[:, None]).T


@pytest.mark.parametrize("variant", ["paper", "code"])
def test_the_same_as_the_formulas_in_float64(variant: Any) -> None:
    weight, fed = torch.randn(12, 40, generator=torch.Generator().manual_seed(1)), inputs(40)
    goal = weight.numel() // 2
    gradual = [int(goal * (1 - (1 - t / ADMM_CHOOSING) ** 3)) for t in range(1, ADMM_CHOOSING + 1)]
    found, corrected, told = admm(weight, solver(fed.T @ fed), choice(weight, "admm"), variant)
    expected, rest = by_the_paper(weight, fed, gradual if variant == "paper" else [goal] * ADMM_CHOOSING)
    assert torch.equal(found, expected)
    assert torch.allclose(corrected.double(), rest, atol=1e-4)
    assert told == {}
    wrong = fed @ (weight - corrected).T  # and it is worth it: the output suffers less than without the corrections
    assert wrong.square().sum() < 0.8 * (fed @ torch.where(found, weight, 0).T).square().sum()


def test_the_two_variants_differ_over_a_matrix_and_not_over_rows() -> None:
    weight, fed = torch.randn(12, 40, generator=torch.Generator().manual_seed(2)), inputs(40, seed=2)

    def found(scope: str, variant: Any) -> Tensor:
        return admm(weight, solver(fed.T @ fed), choice(weight, "admm", scope=scope), variant)[1]

    assert not torch.equal(found("tensor", "paper"), found("tensor", "code"))
    assert not torch.equal(found("reference", "paper"), found("reference", "code"))
    assert torch.equal(found("row", "paper"), found("row", "code"))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_the_weight_is_left_as_it_is(dtype: torch.dtype) -> None:
    weight = torch.randn(3, 4).to(dtype)
    before = weight.clone()
    found, corrected, _ = admm(weight, solver(torch.eye(4)), choice(weight, "admm"), "paper")
    assert torch.equal(weight, before)
    assert corrected.dtype == torch.float32
    assert torch.allclose(corrected, torch.where(found, 0, weight.float()), atol=1e-5)  # inputs that have nothing to do


def test_inputs_that_were_never_fed_lose_their_weights_first() -> None:
    fed = inputs(6)
    fed[:, 2] = 0
    weight = torch.randn(4, 6, generator=torch.Generator().manual_seed(3))
    found, corrected, _ = admm(weight, solver(fed.T @ fed), choice(weight, "admm", 0.3), "paper")
    assert found[:, 2].all() and corrected.isfinite().all()


def test_what_cannot_be_inverted_is_told() -> None:
    with pytest.raises(torch.linalg.LinAlgError):  # type: ignore[attr-defined]
        solver(torch.tensor([[1.0, 5.0], [5.0, 1.0]]))


def test_the_solver_holds_three_matrices_at_most() -> None:
    size = 3000
    solver(inputs(64, 64).T @ inputs(64, 64))  # what the library sets aside for itself
    fed = inputs(size, size + 10)
    gram = fed.T @ fed
    before = memory.resident()
    memory.reset_peaks()
    solver(gram)
    high = memory._status("VmHWM:")
    if high is None or before is None:
        pytest.skip("the peak of the resident set cannot be read here")
    assert high - before < 2.2 * gram.nbytes  # beside the one that was given
