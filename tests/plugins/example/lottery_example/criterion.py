"""Relative magnitude. Torch is imported here, and not where the criterion is declared: plans do without it."""

from __future__ import annotations

import torch
from torch import Tensor


def relative_magnitude(weight: Tensor) -> Tensor:
    """|w_ij| over the largest |w_ik| of its row, float32 [outputs, inputs]; the lowest go."""
    magnitude = weight.float().abs()
    return magnitude / magnitude.amax(1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)
