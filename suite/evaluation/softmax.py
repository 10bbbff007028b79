"""The log-sum-exp of logits without bias, and the losses that follow from it.

Logits are taken to float32, exponentials computed in float32, and their sum in float64. Summed in float32 it comes out
too small: `log_softmax` and `cross_entropy` of PyTorch keep 8 or 16 running sums on a processor, and where one has the
likeliest token in it, which alone counts 1, the terms below 6e-8 that follow add nothing to it. The loss of a trained
model with 49,152 tokens to choose from is then 0.8e-5 to 1.6e-5 nats too low in the mean; that of random logits is not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

IN_CACHE = 2**18  # logits that a processor takes at once: they and their exponentials stay in a core's cache
ON_GPU = 2**22  # enough to keep a GPU busy; the float64 copy that `sum` makes takes 32 MiB


class Softmax(NamedTuple):
    """The parts of a softmax of logits [positions, vocabulary]."""

    exponentials: Tensor  # exp(logit - the position's largest logit), float32 [positions, vocabulary]
    total: Tensor  # their sum, float64 [positions]
    log_sum_exp: Tensor  # of the logits, float64 [positions]; NaN where one is infinite or not a number


def softmax(logits: Tensor) -> Softmax:
    """The softmax of logits [positions, vocabulary], unnormalised, of so few positions as `in_pieces` gives."""
    wide = logits.float()
    largest, smallest = wide.amax(-1, keepdim=True), wide.amin(-1)
    exponentials = (wide - largest).exp_()  # NaN at a logit that is NaN or +inf, 0 at one that is -inf
    total = exponentials.sum(-1, dtype=torch.float64)
    log_sum_exp = (largest.squeeze(-1) + total.log()).masked_fill_(~smallest.isfinite(), math.nan)
    return Softmax(exponentials, total, log_sum_exp)


def in_pieces(logits: Tensor, *others: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Logits [positions, vocabulary], and what else there is of the same positions, a few positions at a time."""
    rows = max(1, (ON_GPU if logits.is_cuda else IN_CACHE) // logits.shape[1])
    return zip(*(one.split(rows) for one in (logits, *others)), strict=True)


def log_sum_exp(logits: Tensor) -> Tensor:
    """The log-sum-exp of logits [positions, vocabulary], float64 [positions].

    It is NaN where a logit of the position, whichever, is infinite or not a number.
    """
    return torch.cat([softmax(piece).log_sum_exp for (piece,) in in_pieces(logits)])


def losses_of(logits: Tensor, log_sum_exps: Tensor, targets: Tensor) -> Tensor:
    """The negative log-likelihood of the targets, int64 [positions], in nats, float64 [positions]."""
    return log_sum_exps - logits.gather(-1, targets[:, None]).squeeze(-1)
