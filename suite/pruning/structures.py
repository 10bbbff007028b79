"""What structures are worth, neurons of an MLP or whole layers, and which of them go: those whose weights add least."""

from __future__ import annotations

import torch
from torch import Tensor

from suite.pruning.select import select_lowest
from suite.pruning.wanda import wanda_scores


def worth(weight: Tensor, norms: Tensor | None = None, side: int | None = None) -> Tensor:
    """What a matrix adds to the worth of the structures it is a part of, float64.

    Without `norms` the sum of its squared weights, so that structures are ranked by the Euclidean norm of all their
    weights, as groups of coupled parameters are in DepGraph (Fang et al. 2023, arXiv 2301.12900). With them the sum of
    its Wanda scores, as Wanda-sp has it (An et al. 2024, arXiv 2312.11983).

    Args:
        weight: [outputs, inputs], as stored.
        norms: float32 [inputs], the Euclidean norm of each input over all calibration tokens.
        side: 0 where each row is of another structure, 1 where each column is: the result is [rows] or [columns]. None
            where all of it is of one, and the result is a number.
    """
    each = weight.float().square() if norms is None else wanda_scores(weight, norms)
    return each.sum(dtype=torch.float64) if side is None else each.sum(1 - side, dtype=torch.float64)


def least_worth(keys: Tensor, sparsity: float) -> Tensor:
    """The `round(sparsity * n)` of n structures whose keys are lowest, ties by lowest index; bool [n], True = goes."""
    (gone,) = select_lowest(lambda: (keys,), round(sparsity * len(keys)))
    return gone
