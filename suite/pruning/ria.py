"""RIA: a weight counts by its share of its row and of its column (Zhang et al., ICLR 2024).

A weight's relative importance is its share of the magnitudes that leave its input plus its share of those that reach
its output, so that no row and no column is removed altogether.
"""

from __future__ import annotations

import torch
from torch import Tensor

from suite.protocol import RIA_POWER


def ria_scores(weight: Tensor, norms: Tensor) -> Tensor:
    """(|w_ij| / sum_i |w_ij| + |w_ij| / sum_j |w_ij|) x ||x_j||_2^(1/2), the lowest of which go.

    Args:
        weight: [outputs, inputs], as stored.
        norms: float32 [inputs]: the Euclidean norm of each input over all calibration tokens. A factor that all share
            changes nothing.

    Returns:
        float32 [outputs, inputs], non-negative; zero where the weight is, of rows and columns of zeros too.
    """
    size = weight.float().abs()
    least = torch.finfo(torch.float32).tiny
    by_input = 1 / size.sum(0).clamp(min=least)
    by_output = 1 / size.sum(1, keepdim=True).clamp(min=least)
    return size.mul_((by_input + by_output).mul_(norms**RIA_POWER))
