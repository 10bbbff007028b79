"""SparseGPT: remove what the layer's output misses least, and let the weights that stay make up for it.

Frantar and Alistarh, ICML 2023 (arXiv 2301.00774). With X the layer's inputs [inputs, tokens] and H = X X^T, removing
w_ij costs w_ij^2 / [H^-1]_jj^2, and what remains of the row is corrected. Columns are taken in order, in blocks: the
mask of a block is chosen with what the columns before it left behind.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

BLOCK = 128  # columns whose mask is chosen at once
DAMPING = 0.01  # of the mean diagonal of H, added to it

Choose = Callable[[Tensor, int, int], Tensor]  # costs of a block, its first column, and one past its last -> removed


def sparsegpt(weight: Tensor, hessian: Tensor, choose: Choose) -> tuple[Tensor, Tensor]:
    """Remove weights column by column and correct the others.

    Args:
        weight: [outputs, inputs], as stored; left as it is.
        hessian: float32 [inputs, inputs], X X^T up to a factor; left as it is.
        choose: given a block's costs (float32 [outputs, columns]) and which columns they are of, says which go (bool).

    Returns:
        What was removed (bool) and the corrected weights (float32), both [outputs, inputs].

    Raises:
        torch.linalg.LinAlgError: H has no inverse even with damping.
    """
    rest = weight.float().clone()
    inverse, unseen = _inverse_factor(hessian)
    rest[:, unseen] = 0
    removed = torch.zeros_like(rest, dtype=torch.bool)
    for start in range(0, rest.shape[1], BLOCK):
        end = min(start + BLOCK, rest.shape[1])
        factor = inverse[start:end, start:end]
        block = rest[:, start:end]
        chosen = choose((block / factor.diagonal()) ** 2, start, end)
        errors = torch.empty_like(block)
        for column in range(end - start):
            gone = torch.where(chosen[:, column], block[:, column], 0)
            errors[:, column] = gone / factor[column, column]
            block[:, column:] -= torch.outer(errors[:, column], factor[column, column:])
            block[:, column] = torch.where(chosen[:, column], 0, block[:, column])
        removed[:, start:end] = chosen
        rest[:, end:] -= errors @ inverse[start:end, end:]
    return removed, rest


def _inverse_factor(hessian: Tensor) -> tuple[Tensor, Tensor]:
    """The upper Cholesky factor of H^-1, and the inputs that were never anything but zero (bool)."""
    damped = hessian.clone()
    diagonal = damped.diagonal()
    unseen = diagonal == 0
    diagonal[unseen] = 1
    diagonal += DAMPING * diagonal.mean()
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(damped))
    return torch.linalg.cholesky(inverse, upper=True), unseen
