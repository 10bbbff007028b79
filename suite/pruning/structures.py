"""Which structures go whole, neurons of an MLP or layers: each is worth what its weights are worth together."""

from __future__ import annotations

import torch
from torch import Tensor

from suite.pruning.select import select_lowest
from suite.pruning.wanda import wanda_scores


def worth(weight: Tensor, norms: Tensor | None = None) -> Tensor:
    """What each weight adds to the worth of the structure it belongs to, float32 of the shape of `weight`.

    Without `norms` its square, so that a structure is ranked by the Euclidean norm of all its weights, as a group of
    coupled parameters is in DepGraph (Fang et al. 2023, arXiv 2301.12900). With them its Wanda score, as Wanda-sp sums
    it (An et al. 2024, arXiv 2312.11983).

    Args:
        weight: [outputs, inputs], as stored.
        norms: float32 [inputs], the Euclidean norm of each input over all calibration tokens.
    """
    return weight.float().square() if norms is None else wanda_scores(weight, norms)


def neuron_worths(rows: list[Tensor], columns: list[Tensor]) -> Tensor:
    """The worth of each neuron, float32 [neurons]: of its rows in the matrices that lead to it and its columns in those
    that lead on, sums in float64.

    Args:
        rows: of each matrix that leads to the neurons, what its weights add, [neurons, inputs].
        columns: of each that leads on, [outputs, neurons].
    """
    sums = [one.sum(1, dtype=torch.float64) for one in rows] + [one.sum(0, dtype=torch.float64) for one in columns]
    return torch.stack(sums).sum(0).float()


def least_worth(keys: Tensor, sparsity: float) -> Tensor:
    """The `round(sparsity * n)` of n structures whose keys are lowest, ties by lowest index; bool [n], True = goes."""
    (gone,) = select_lowest(lambda: (keys,), round(sparsity * len(keys)))
    return gone
