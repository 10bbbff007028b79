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
RUN, SHORTEST_RUN = 256, 64  # logits
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


class TargetLosses:
    """The losses of some positions, gathered over blocks of the vocabulary.

    Args:
        targets: int64 [positions].
    """

    def __init__(self, targets: Tensor) -> None:
        self._targets = targets
        self._found: Tensor | None = None  # the targets' logits, float64
        self.log_sum_exps: Tensor | None = None  # of the logits so far, float64 [positions]

    def add(self, logits: Tensor, start: int = 0) -> Tensor:
        """Take in the logits [positions, tokens] of the tokens from `start` on.

        Returns:
            Their own log-sum-exp, float64 [positions].
        """
        here = log_sum_exp(logits)
        self.log_sum_exps = here if self.log_sum_exps is None else torch.logaddexp(self.log_sum_exps, here)
        places = self._targets - start
        inside = places.clamp(0, logits.shape[1] - 1)
        found = logits.gather(-1, inside[:, None]).squeeze(-1).double()
        self._found = found if self._found is None else torch.where(places == inside, found, self._found)
        return here

    def nats(self) -> Tensor:
        """The negative log-likelihood of the targets, float64 [positions]."""
        assert self.log_sum_exps is not None and self._found is not None
        return self.log_sum_exps - self._found


class Likeliest(NamedTuple):
    """The largest of logits [positions, tokens]."""

    largest: Tensor  # float32 [positions]
    tokens: Tensor  # the lowest token that has it, int64 [positions]

    @classmethod
    def of(cls, logits: Tensor, start: int = 0) -> Likeliest:
        """Of the tokens from `start` on."""
        found = [_largest(piece) for (piece,) in in_pieces(logits)]
        return cls(torch.cat([one for one, _ in found]), torch.cat([one for _, one in found]) + start)

    def or_later(self, other: Likeliest) -> Likeliest:
        """Of both; all tokens of the other come later in the vocabulary."""
        later = other.largest > self.largest
        return Likeliest(*(torch.where(later, b, a) for a, b in zip(self, other, strict=True)))


def _largest(logits: Tensor) -> tuple[Tensor, Tensor]:
    """The largest of each row, float32 [positions], and its first place, int64 [positions].

    `amax` is four times as fast as `argmax` on a processor, so `argmax` looks at runs of RUN logits only.
    """
    wide = logits.float()  # in 16 bits a processor takes six times as long to find the largest
    run = math.gcd(RUN, wide.shape[1])
    runs = wide.view(len(wide), -1, run if run >= SHORTEST_RUN else wide.shape[1])
    largest, first = runs.amax(-1).max(-1)
    chosen = runs.gather(1, first[:, None, None].expand(-1, 1, runs.shape[2])).squeeze(1)
    return largest, first * runs.shape[2] + chosen.argmax(-1)
