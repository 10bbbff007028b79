"""Logits as a trained model has them: one token counts, and the many others leave a sum to which each adds little.

Logits drawn from one normal distribution have no such token, and show no bias of a sum in float32.
"""

from __future__ import annotations

import torch
from torch import Tensor

LOGITS = 2**22  # at most
BELOW, SPREAD = 18.0, 2.0  # of the others, against the likeliest


def trained_like(vocabulary: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Logits [positions, vocabulary] and the token each position predicts, the likeliest as a rule."""
    generator = torch.Generator().manual_seed(vocabulary)
    positions = min(2_000, LOGITS // vocabulary)
    logits = torch.randn(positions, vocabulary, generator=generator) * SPREAD - BELOW
    targets = torch.randint(vocabulary, (positions,), generator=generator)
    logits[torch.arange(positions), targets] = 2 * torch.rand(positions, generator=generator)
    return logits.to(dtype), targets
