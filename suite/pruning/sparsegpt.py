"""SparseGPT: remove what the layer's output misses least, and let the weights that stay make up for it.

Frantar and Alistarh, ICML 2023 (arXiv 2301.00774). With X the layer's inputs [inputs, tokens] and H = X X^T, removing
w_ij costs w_ij^2 / [H^-1]_jj^2, and what remains of the row is corrected. Columns are taken in order, a block at a
time: which of a block's weights go is decided with what the columns before it left behind.

Everything is float32, as published. H is ill-conditioned, so the result depends on the order of sums more than others
do: a small trained Llama pruned by half comes out at perplexity 3.43138 to six digits, as with the published code,
where H^-1 is factored in the published way (below), and at 3.42873, 0.08 % lower, where the same factor is taken from
a Cholesky factorisation of H in reversed order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from suite.protocol import SPARSEGPT_BLOCK, SPARSEGPT_DAMPING

Choose = Callable[[Tensor, int], Tensor]  # costs [outputs, columns], the first of these columns -> which go (bool)


class Factor(NamedTuple):
    """What there is to know of a layer's inputs: `upper`, float32 [inputs, inputs], the upper Cholesky factor of the
    inverse of H; and the `unseen` inputs (bool [inputs]), which were never anything but zero."""

    upper: Tensor
    unseen: Tensor


def inverse_factor(gram: Tensor) -> Factor:
    """The factor of H^-1 of damped H; it takes the place of `gram`.

    At most two more matrices of its size exist meanwhile: of the widest layer of a 7B model one takes 1.4 GB.

    Args:
        gram: float32 [inputs, inputs], X X^T up to a factor; overwritten.

    Raises:
        torch.linalg.LinAlgError: damped H is still not positive definite in float32.
    """
    diagonal = gram.diagonal()
    unseen = diagonal == 0
    diagonal[unseen] = 1
    diagonal += SPARSEGPT_DAMPING * diagonal.mean()
    torch.linalg.cholesky(gram, out=gram)
    inverse = torch.cholesky_inverse(gram)
    torch.linalg.cholesky(inverse, upper=True, out=gram)
    return Factor(gram, unseen)


def sparsegpt(weight: Tensor, factor: Factor, choose: Choose, width: int = SPARSEGPT_BLOCK) -> tuple[Tensor, Tensor]:
    """Remove weights column by column and correct the others.

    Args:
        weight: [outputs, inputs], as stored; left as it is.
        factor: of the layer's inputs.
        choose: given the costs of some columns (float32) and which is their first, says which weights go.
        width: how many columns it is asked of at a time; it divides SPARSEGPT_BLOCK.

    Returns:
        What was removed (bool) and the corrected weights (float32), both [outputs, inputs]. Weights of unseen inputs
        become zero, removed or not.
    """
    inverse, unseen = factor
    rest = weight.to(torch.float32, copy=True)
    rest[:, unseen] = 0
    removed = torch.zeros_like(rest, dtype=torch.bool)
    for start in range(0, rest.shape[1], SPARSEGPT_BLOCK):
        end = min(start + SPARSEGPT_BLOCK, rest.shape[1])
        upper = inverse[start:end, start:end]
        scale = upper.diagonal()
        block = rest[:, start:end].T.contiguous()  # so that what is a column of the weights lies in one piece
        chosen, errors = torch.zeros_like(block, dtype=torch.bool), torch.empty_like(block)
        for column in range(end - start):
            if column % width == 0:
                ahead = slice(column, column + width)
                chosen[ahead] = choose((block[ahead].T / scale[ahead]) ** 2, start + column).T
            errors[column] = torch.where(chosen[column], block[column] / scale[column], 0)
            block[column:].addr_(upper[column, column:], errors[column], alpha=-1)
            block[column].masked_fill_(chosen[column], 0)
        rest[:, start:end], removed[:, start:end] = block.T, chosen.T
        rest[:, end:].addmm_(errors.T, inverse[start:end, end:], alpha=-1)
    return removed, rest
