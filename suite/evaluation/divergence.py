"""How far a model's predictions are from the dense model's: top-1 agreement and mean KL (rule 13).

No logits are stored. The dense model's final hidden states wait on the host (tokens x width, in the dtype of the run:
2.8 GB for Mistral 7B on WikiText-2), and its logits are computed again from them, chunk by chunk, by its pristine head.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from suite.evaluation.softmax import in_pieces, softmax


class DenseStates:
    """The dense model's hidden states, kept in the chunks they came in. An `observe` of `token_losses`."""

    def __init__(self) -> None:
        self.chunks: list[Tensor] = []

    def __call__(self, hidden: Tensor, logits: Tensor, log_sum_exps: Tensor) -> None:
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

    def __call__(self, hidden: Tensor, logits: Tensor, log_sum_exps: Tensor) -> None:
        """The `observe` of `token_losses`."""
        states = next(self._chunks)
        if len(states) != len(logits):
            raise ValueError(f"{len(states)} dense states for {len(logits)} positions: not the same batches")
        dense = self._head(states.to(logits.device, non_blocking=True))
        self._sums += [_sums(*piece) for piece in in_pieces(dense, logits, log_sum_exps)]
        self._count += len(logits)

    def result(self) -> tuple[float, float]:
        """The share of positions with the same first choice, and the mean KL(dense || other) in nats a token."""
        agreed, kl = torch.stack(self._sums).sum(0).tolist()
        return agreed / self._count, kl / self._count


def _sums(dense: Tensor, found: Tensor, log_sum_exps: Tensor) -> Tensor:
    """Agreements and summed KL, float64 [2], of logits [positions, vocabulary].

    With p = exp(dense - its log-sum-exp) the KL of a position is the sum of p (dense - found), plus what the other's
    log-sum-exp is larger by.

    Args:
        log_sum_exps: of the other model's logits, float64 [positions].
    """
    dense, found = dense.float(), found.float()  # in 16 bits a processor takes six times as long to find the largest
    agreed = (dense.argmax(-1) == found.argmax(-1)).sum(dtype=torch.float64)
    exponentials, total, dense_log_sum_exps = softmax(dense)
    mean_gaps = exponentials.mul_(dense - found).sum(-1, dtype=torch.float64) / total
    return torch.stack([agreed, (mean_gaps - dense_log_sum_exps + log_sum_exps).sum()])
