"""ALPS: operator splitting finds which weights stay, conjugate gradients what they become (Meng et al., NeurIPS 2024).

arXiv 2406.07831. With X the layer's inputs [inputs, tokens], H = X X^T damped and scaled to a diagonal of ones, and
W the weights in that scale, it minimises ||W X - D X|| over all D that have only so many weights. B, which need not be
sparse, and D, which is, are drawn together by a penalty that grows while the support of D changes, until it no longer
does. Then the weights on the support are improved by a few steps of conjugate gradients, a problem for each row.

Every iteration applies the inverse of H plus the penalty, which changes: an eigendecomposition gives all of them. It is
made in float64, of a matrix [inputs, inputs], once for all layers that read the same inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from suite.protocol import (
    ALPS_CHANGES,
    ALPS_CHECKED,
    ALPS_DAMPING,
    ALPS_GRADIENT_STEPS,
    ALPS_GROWTH,
    ALPS_ITERATIONS,
    ALPS_PENALTY,
    ALPS_RESTART,
    ALPS_SETTLED,
)
from suite.pruning.amount import Choice

_GROWTH = tuple(zip(ALPS_CHANGES, ALPS_GROWTH, strict=True))
LEAST_SCALE = 1e-8  # is added to each input's


class Spectrum(NamedTuple):
    """What there is to know of a layer's inputs, float32: the `scale` of each [inputs], the scaled `gram` matrix H
    [inputs, inputs], and its eigen-`values` [inputs] and -`vectors` [inputs, inputs], a column each."""

    scale: Tensor
    gram: Tensor
    values: Tensor
    vectors: Tensor


def spectrum(gram: Tensor) -> Spectrum:
    """The eigendecomposition of a layer's inputs; H takes the place of `gram`.

    It takes 36 bytes for each entry of `gram`, with `gram` itself: 7.4 GB of 14,336 inputs, the widest of a 7B model.

    Args:
        gram: float32 [inputs, inputs], X X^T up to a factor; overwritten.

    Raises:
        torch.linalg.LinAlgError: damped H is not positive definite, or its decomposition does not converge.
    """
    diagonal = gram.diagonal()
    diagonal += ALPS_DAMPING * diagonal.mean()
    scale = diagonal.sqrt().add_(LEAST_SCALE)
    gram.div_(scale).div_(scale[:, None])
    values, vectors = torch.linalg.eigh(gram.double())
    if values[0] <= 0:
        raise torch.linalg.LinAlgError(  # type: ignore[attr-defined]  # torch does not say that it exports it
            f"an eigenvalue of their damped Gram matrix is {float(values[0]):.3g}, and all are to be positive"
        )
    return Spectrum(scale, gram, values.float(), vectors.float())


def alps(weight: Tensor, spectrum: Spectrum, choose: Choice) -> tuple[Tensor, Tensor, Mapping[str, int]]:
    """Choose weights to remove and correct the others.

    Args:
        weight: [outputs, inputs], as stored; left as it is.
        spectrum: of the layer's inputs.
        choose: says which weights go by their scores.

    Returns:
        What was removed (bool) and the corrected weights (float32), both [outputs, inputs], and how many iterations it
        took.
    """
    scale, gram, _, _ = spectrum
    start = weight * scale
    target = start @ gram
    values, iterations = _split(start, target, spectrum, choose)
    removed = choose(values)
    values.masked_fill_(removed, 0)
    _descend(values, removed, target, gram)
    return removed, values.div_(scale), {"iterations": iterations}


def _split(start: Tensor, target: Tensor, spectrum: Spectrum, choose: Choice) -> tuple[Tensor, int]:
    """The weights B once the support no longer changes, and after how many iterations that was."""
    _, _, eigenvalues, vectors = spectrum
    penalty, grew = ALPS_PENALTY, False
    removed = before = choose(start)
    kept = max(1, int((~removed).sum()))
    sparse, dual = start.masked_fill(removed, 0), torch.zeros_like(start)
    values = start
    for iteration in range(ALPS_ITERATIONS):
        sparse.mul_(penalty).add_(target).sub_(dual)
        values = (sparse @ vectors).div_(eigenvalues + penalty) @ vectors.T
        torch.add(values, dual, alpha=1 / penalty, out=sparse)
        removed = choose(sparse)
        sparse.masked_fill_(removed, 0)
        dual.add_(values, alpha=penalty).sub_(sparse, alpha=penalty)
        if (iteration + 1) % ALPS_CHECKED:
            continue
        changes, before = int((removed ^ before).sum()), removed
        if changes == 0 and grew:
            break
        if iteration >= ALPS_SETTLED[0] and changes < ALPS_SETTLED[1] * kept:
            break
        growth = next(grown for share, grown in _GROWTH if changes > share * kept or not share)
        if growth > ALPS_GROWTH[-1] or grew:
            penalty, grew = penalty * growth, True
        else:
            penalty /= ALPS_RESTART
            if changes:
                removed = before = choose(start)
                sparse, dual = start.masked_fill(removed, 0), torch.zeros_like(start)
    return values, iteration + 1


def _descend(values: Tensor, removed: Tensor, target: Tensor, gram: Tensor) -> None:
    """Improve the weights that stay, in place, by conjugate gradients: a problem for each row."""
    residual = (target - values @ gram).masked_fill_(removed, 0)
    direction = residual.clone()
    size = residual.square().sum(1, keepdim=True)
    for _ in range(ALPS_GRADIENT_STEPS):
        product = (direction @ gram).masked_fill_(removed, 0)
        step = (size / (direction * product).sum(1, keepdim=True)).nan_to_num_(nan=0.0)  # 0 / 0 where nothing is left
        values.addcmul_(direction, step)
        residual.addcmul_(product, step, value=-1)
        smaller = residual.square().sum(1, keepdim=True)
        direction.mul_((smaller / size).nan_to_num_(nan=0.0)).add_(residual)
        size = smaller
