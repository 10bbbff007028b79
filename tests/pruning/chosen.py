"""What tests of criteria that choose by themselves share: a choice over one matrix."""

from __future__ import annotations

import torch
from torch import Tensor

from suite.pruning.amount import Amount, Choice
from suite.pruning.criteria import CRITERIA


def choice(
    weight: Tensor,
    criterion: str,
    sparsity: float = 0.5,
    scope: str = "tensor",
    pattern: str | None = None,
    name: str = "self_attn.q_proj.weight",
) -> Choice:
    """Of a weight [outputs, inputs], called `name`."""
    sizes = {name: weight.numel()}
    return Amount(CRITERIA[criterion], scope, sizes, sparsity, None, pattern).of_matrix(name)


def inputs(width: int, tokens: int = 400, seed: int = 0) -> Tensor:
    """What a layer is fed, [tokens, width]: correlated, as inputs are."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(tokens, width, generator=generator) + torch.randn(tokens, 1, generator=generator)
