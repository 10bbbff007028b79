"""Wanda: a weight counts as much as its magnitude times the strength of the input it meets (Sun et al., ICLR 2024)."""

from __future__ import annotations

from torch import Tensor


def wanda_scores(weight: Tensor, norms: Tensor) -> Tensor:
    """|w_ij| x ||x_j||_2, the lowest of which go (equation 1 of arXiv 2306.11695).

    Args:
        weight: [outputs, inputs], as stored.
        norms: float32 [inputs]: the Euclidean norm of each input over all calibration tokens. A factor that all share
            changes nothing.

    Returns:
        float32 [outputs, inputs], non-negative: the one copy that is made.
    """
    return (weight * norms).abs_()
