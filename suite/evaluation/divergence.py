"""How far a model's predictions are from the dense model's: top-1 agreement and mean KL (rule 13).

No logits are stored. The dense model's final hidden states wait on the host (tokens x width, in the dtype of the run:
2.8 GB for Mistral 7B on WikiText-2), and its logits are computed again from them, chunk by chunk, by its pristine head.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from suite.evaluation.perplexity import log_probabilities


class DenseStates:
    """The dense model's hidden states, kept in the chunks they came in. An `observe` of `token_losses`."""

    def __init__(self) -> None:
        self.chunks: list[Tensor] = []

    def __call__(self, hidden: Tensor, logprobs: Tensor) -> None:
        self.chunks.append(hidden.to("cpu", copy=True))


class Divergence:
    """Agreement and KL, gathered while the other model runs over the same tokens in batches of the same size.

    Args:
        states: the dense model's.
        head: the pristine head, hidden states [positions, width] to logits [positions, vocabulary].
    """

    def __init__(self, states: DenseStates, head: Callable[[Tensor], Tensor]) -> None:
        self._chunks = iter(states.chunks)
        self._head = head
        self._kl = self._agreed = 0.0
        self._count = 0

    def __call__(self, hidden: Tensor, logprobs: Tensor) -> None:
        """The `observe` of `token_losses`."""
        dense = next(self._chunks)
        if len(dense) != len(logprobs):
            raise ValueError(f"{len(dense)} dense states for {len(logprobs)} positions: not the same batches")
        wanted = log_probabilities(self._head(dense.to(logprobs.device)))
        self._agreed += float((wanted.argmax(-1) == logprobs.argmax(-1)).sum())
        chances = wanted.exp()
        self._kl += float(chances.mul_(wanted.sub_(logprobs)).sum(-1).sum(dtype=torch.float64))
        self._count += len(logprobs)

    def result(self) -> tuple[float, float]:
        """The share of positions with the same first choice, and the mean KL(dense || other) in nats a token."""
        return self._agreed / self._count, self._kl / self._count
