"""ADMM: weights that satisfy both a mask and the layer's least squares, found by taking turns (Boza 2024).

arXiv 2401.02938. With X the layer's inputs [inputs, tokens], each divided by its norm, H = X X^T and W the weights
times those norms, what minimises ||W X - V X|| under a mask is found by 20 iterations that need one inverse of H for
all rows. The mask is chosen on the way, by |V + U| (U the dual variable): in the first 15 iterations, of ever more
weights, by a cubic schedule, and then held.

The paper's schedule is computed by the code and not used where it counts over a whole matrix, its default: there all
that is to go goes from the first iteration on. Counting over rows, the code uses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from suite.protocol import ADMM_CHOOSING, ADMM_DAMPING, ADMM_ITERATIONS, ADMM_PENALTY
from suite.pruning.amount import Choice
from suite.pruning.criteria import Variant

LEAST_NORM = 1e-8  # is added to each input's


class Solver(NamedTuple):
    """What there is to know of a layer's inputs, float32: their `norms` [inputs], the `gram` matrix H of the inputs
    divided by them, damped, and the `inverse` of H and the penalty, both [inputs, inputs]."""

    norms: Tensor
    gram: Tensor
    inverse: Tensor


def solver(gram: Tensor) -> Solver:
    """The solver of a layer's inputs; H takes the place of `gram`.

    At most two more matrices of its size exist meanwhile, and one of them is kept.

    Args:
        gram: float32 [inputs, inputs], X X^T up to a factor; overwritten.

    Raises:
        torch.linalg.LinAlgError: damped H is not positive definite.
    """
    norms = gram.diagonal().sqrt().add_(LEAST_NORM)
    gram.div_(norms).div_(norms[:, None])
    diagonal = gram.diagonal()
    diagonal += ADMM_DAMPING * diagonal.mean()
    factor = gram.clone()
    factor.diagonal().add_(ADMM_PENALTY)
    torch.linalg.cholesky(factor, out=factor)
    return Solver(norms, gram, torch.cholesky_inverse(factor))


def admm(weight: Tensor, solver: Solver, choose: Choice, variant: Variant) -> tuple[Tensor, Tensor, Mapping[str, int]]:
    """Choose weights to remove and correct the others.

    Args:
        weight: [outputs, inputs], as stored; left as it is.
        solver: of the layer's inputs.
        choose: says which weights go by their scores.
        variant: `paper` or `code`.

    Returns:
        What was removed (bool) and the corrected weights (float32), both [outputs, inputs]; nothing else is to be told.
    """
    norms, gram, inverse = solver
    gradual = variant == "paper" or choose.by_row
    values = weight * norms
    target = values @ gram
    dual = torch.zeros_like(values)
    removed = torch.zeros_like(values, dtype=torch.bool)
    for iteration in range(1, ADMM_ITERATIONS + 1):
        held = values + dual
        if iteration <= ADMM_CHOOSING:
            share = 1 - (1 - iteration / ADMM_CHOOSING) ** 3 if gradual else 1.0
            removed = choose(held, share)
        held.masked_fill_(removed, 0)
        dual.add_(values).sub_(held)
        torch.mm(held.sub_(dual).add_(target), inverse, out=values)
    return removed, values.add_(dual).masked_fill_(removed, 0).div_(norms), {}
