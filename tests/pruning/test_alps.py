"""ALPS removes and corrects as the formulas of its paper say."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from suite.pruning.alps import LEAST_SCALE, Spectrum, alps, spectrum
from tests.pruning.chosen import choice, inputs


def test_one_row_of_two_by_hand() -> None:
    """X X^T = [[4, 1], [1, 4]] is damped by 0.04; of the weights (2, 1) the second goes, and the first becomes what
    minimises 4.04 v^2 - 2 v (4.04 x 2 + 1 x 1)."""
    weight = torch.tensor([[2.0, 1.0]])
    found, corrected, told = alps(weight, spectrum(torch.tensor([[4.0, 1.0], [1.0, 4.0]])), choice(weight, "alps"))
    assert found.tolist() == [[False, True]]
    assert corrected.tolist() == [[pytest.approx(2 + 1 / 4.04, rel=1e-5), 0]]
    assert told["iterations"] % 3 == 0


def test_the_spectrum_is_that_of_the_damped_and_scaled_gram_matrix() -> None:
    fed = inputs(30)
    scale, gram, values, vectors = spectrum(fed.T @ fed)
    exact = fed.double().T @ fed.double()
    exact += 0.01 * exact.diagonal().mean() * torch.eye(30)
    assert torch.allclose(scale.double(), exact.diagonal().sqrt(), rtol=1e-6)
    assert torch.allclose(gram.diagonal(), torch.ones(30), atol=1e-5)
    assert torch.allclose(vectors @ torch.diag(values) @ vectors.T, gram, atol=1e-5)


def lowest(scores: Tensor, count: int) -> Tensor:
    gone = torch.zeros(scores.numel(), dtype=torch.bool)
    gone[scores.abs().flatten().sort(stable=True).indices[:count]] = True
    return gone.view(scores.shape)


def by_the_paper(weight: Tensor, fed: Tensor, count: int) -> tuple[Tensor, Tensor, int]:
    """In the plain way, float64: an inverse in every iteration, and the exact least squares on the support."""
    hessian = fed.double().T @ fed.double()
    hessian += 0.01 * hessian.diagonal().mean() * torch.eye(len(hessian))
    scale = hessian.diagonal().sqrt() + LEAST_SCALE
    hessian = hessian / torch.outer(scale, scale)
    start = weight.double() * scale
    target = start @ hessian
    kept, penalty, grew = weight.numel() - count, 0.1, False
    before = lowest(start, count)
    sparse, dual = start * ~before, torch.zeros_like(start)
    for iteration in range(300):
        value = (target - dual + penalty * sparse) @ (hessian + penalty * torch.eye(len(hessian))).inverse()
        gone = lowest(value + dual / penalty, count)
        sparse = (value + dual / penalty) * ~gone
        dual = dual + penalty * (value - sparse)
        if (iteration + 1) % 3 == 0:
            changes = int((gone ^ before).sum())
            before = gone
            if (changes == 0 and grew) or (iteration >= 30 and changes / kept < 3e-4):
                break
            if changes / kept > 0.005 or grew:
                penalty *= 1.3 if changes / kept > 0.1 else 1.2 if changes / kept > 0.005 else 1.1
                grew = True
            else:
                penalty /= 5
                if changes:
                    before = lowest(start, count)
                    sparse, dual = start * ~before, torch.zeros_like(start)
    gone = lowest(value, count)
    solved = torch.zeros_like(value)
    for row, off in enumerate(gone):
        on = ~off
        solved[row, on] = torch.linalg.solve(hessian[on][:, on], target[row, on])
    return gone, solved / scale, iteration + 1


@pytest.mark.parametrize("sparsity", [0.2, 0.5, 0.8])
def test_the_same_as_the_formulas_in_float64(sparsity: float) -> None:
    weight, fed = torch.randn(20, 32, generator=torch.Generator().manual_seed(4)), inputs(32, seed=5)
    found, corrected, told = alps(weight, spectrum(fed.T @ fed), choice(weight, "alps", sparsity))
    expected, rest, iterations = by_the_paper(weight, fed, round(sparsity * weight.numel()))
    assert told == {"iterations": iterations}
    assert torch.equal(found, expected)
    assert torch.allclose(corrected.double(), rest, atol=0.02)  # ten steps of conjugate gradients come that close
    wrong = fed @ (weight - corrected).T
    assert wrong.square().sum() < 0.9 * (fed @ torch.where(found, weight, 0).T).square().sum()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_the_weight_is_left_as_it_is(dtype: torch.dtype) -> None:
    weight = torch.randn(3, 4).to(dtype)
    before = weight.clone()
    found, corrected, _ = alps(weight, spectrum(torch.eye(4)), choice(weight, "alps"))
    assert torch.equal(weight, before)
    assert corrected.dtype == torch.float32
    assert torch.allclose(corrected, torch.where(found, 0, weight.float()), atol=1e-5)  # inputs that have nothing to do


@pytest.mark.parametrize("sparsity", [0.0, 1.0])
def test_nothing_and_all_can_go(sparsity: float) -> None:
    weight, fed = torch.randn(5, 8), inputs(8)
    found, corrected, _ = alps(weight, spectrum(fed.T @ fed), choice(weight, "alps", sparsity))
    assert found.all() if sparsity else not found.any()
    assert torch.allclose(corrected, (1 - sparsity) * weight, atol=1e-3)


def test_weights_of_inputs_that_were_never_fed_go_or_stay_as_they_are() -> None:
    fed = inputs(6)
    fed[:, 2] = 0
    weight = torch.randn(4, 6, generator=torch.Generator().manual_seed(6))
    found, corrected, _ = alps(weight, spectrum(fed.T @ fed), choice(weight, "alps", 0.3))
    assert torch.allclose(corrected[:, 2], torch.where(found, 0, weight)[:, 2], atol=1e-5)
    assert found[:, 2].sum() == 3 and corrected.isfinite().all()


def test_what_is_not_positive_definite_is_told() -> None:
    with pytest.raises(torch.linalg.LinAlgError, match="are to be positive"):  # type: ignore[attr-defined]
        spectrum(torch.tensor([[1.0, 5.0], [5.0, 1.0]]))


def test_layers_that_share_a_spectrum_leave_it_as_it_is() -> None:
    fed = inputs(16)
    made = spectrum(fed.T @ fed)
    before = Spectrum(*(one.clone() for one in made))
    alps(torch.randn(8, 16), made, choice(torch.randn(8, 16), "alps"))
    assert all(torch.equal(one, other) for one, other in zip(made, before, strict=True))
