"""How far a model's predictions are from the dense model's: top-1 agreement and mean KL (rule 13).

No logits are stored. The dense model's final hidden states wait on the host (tokens x width, in the dtype of the run:
2.8 GB for Mistral 7B on WikiText-2), and its logits are computed again from them, chunk by chunk, by its pristine head.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from suite.evaluation.perplexity import log_probabilities

IN_CACHE = 2**20  # log-probabilities


class DenseStates:
    """The dense model's hidden states, kept in the chunks they came in. An `observe` of `token_losses`."""

    def __init__(self) -> None:
        self.chunks: list[Tensor] = []

    def __call__(self, hidden: Tensor, logprobs: Tensor) -> None:
        # To memory that is pinned a GPU copies beside its work; who has it copy them back comes after, in its order.
        kept = torch.empty(hidden.shape, dtype=hidden.dtype, pin_memory=hidden.is_cuda)
        self.chunks.append(kept.copy_(hidden, non_blocking=True))


class Divergence:
    """Agreement and KL, gathered while the other model runs over the same tokens in batches of the same size.

    Args:
        states: the dense model's.
        head: the pristine head, hidden states [positions, width] to logits [positions, vocabulary].
    """

    def __init__(self, states: DenseStates, head: Callable[[Tensor], Tensor]) -> None:
        self._chunks = iter(states.chunks)
        self._head = head
        self._sums: list[Tensor] = []  # of a chunk: agreements and KL, float64 [2], where it was computed
        self._count = 0

    def __call__(self, hidden: Tensor, logprobs: Tensor) -> None:
        """The `observe` of `token_losses`."""
        dense = next(self._chunks)
        if len(dense) != len(logprobs):
            raise ValueError(f"{len(dense)} dense states for {len(logprobs)} positions: not the same batches")
        logits = self._head(dense.to(logprobs.device, non_blocking=True))
        # On a processor in pieces that its caches hold; a GPU takes a chunk at once.
        rows = len(logits) if logits.is_cuda else max(1, IN_CACHE // logits.shape[1])
        pairs = zip(logits.split(rows), logprobs.split(rows), strict=True)
        self._sums += [_sums(log_probabilities(wanted), found) for wanted, found in pairs]
        self._count += len(logprobs)

    def result(self) -> tuple[float, float]:
        """The share of positions with the same first choice, and the mean KL(dense || other) in nats a token."""
        agreed, kl = torch.stack(self._sums).sum(0).tolist()
        return agreed / self._count, kl / self._count


def _sums(wanted: Tensor, found: Tensor) -> Tensor:
    """Agreements and summed KL, float64 [2], of float32 log-probabilities [positions, vocabulary]; `wanted` is lost."""
    agreed = (wanted.argmax(-1) == found.argmax(-1)).sum(dtype=torch.float64)
    chances = wanted.exp()
    return torch.stack([agreed, chances.mul_(wanted.sub_(found)).sum(-1).sum(dtype=torch.float64)])
