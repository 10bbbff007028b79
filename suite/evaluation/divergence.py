"""How far a model's predictions are from the dense model's: top-1 agreement and mean KL (rule 13).

No logits are stored. The dense model's final hidden states wait on the host (tokens x width, in the dtype of the run:
2.8 GB for Mistral 7B on WikiText-2), and its logits are computed again from them, block by block, by its pristine head.

Where the other model has the same head W, they need not be. With the dense model's probabilities p and hidden states h,

    KL(p || q) = sum of p (W h - W h') + lse(W h') - lse(W h) = (p W)(h - h') + lse(W h') - lse(W h),

and the dense pass keeps p W, the mean of the head's rows, which is as large as h. A bias of the head falls out. How the
logits are rounded is then in the log-sum-exps alone: 1e-6 nats a token in float32, of either sign. In 16 bits they
are rounded so coarsely that the logits themselves have to be compared; so they have where a model's class scales
or caps what its head gives.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from suite.evaluation.blocks import Head, HeadInBlocks
from suite.evaluation.softmax import Likeliest, in_pieces


class Predictions(NamedTuple):
    """What is kept of the dense model's predictions at some positions."""

    hidden: Tensor  # [positions, width], on the host
    log_sum_exps: Tensor  # of the logits, float64 [positions]
    likeliest: Likeliest
    mean_rows: Tensor | None  # of the head, float32 [positions, width], on the host


class DenseStates:
    """The dense model's hidden states and predictions, in the chunks they came in. An observer of `token_losses`.

    Args:
        rows: the head's weight, float32 [vocabulary, width], where models with this head will be compared: their
            divergence then takes no product of the dense head, and the dense pass one more.
    """

    def __init__(self, rows: Tensor | None = None) -> None:
        self.chunks: list[Predictions] = []
        self._rows = rows
        self._begin()

    def _begin(self) -> None:
        self._likeliest: Likeliest | None = None
        self._mean: Tensor | None = None  # of the rows so far, float64 [positions, width]
        self._log_sum_exps: Tensor | None = None  # of the logits so far, float64 [positions]

    def block(self, hidden: Tensor, logits: Tensor, tokens: slice, log_sum_exps: Tensor) -> None:
        likeliest = Likeliest.of(logits, tokens.start)
        self._likeliest = self._likeliest.or_later(likeliest) if self._likeliest else likeliest
        if self._rows is None:
            return
        here = _mean_rows(logits, log_sum_exps, likeliest, self._rows, tokens)
        if self._mean is not None and self._log_sum_exps is not None:  # both parts by their shares of the whole
            whole = torch.logaddexp(self._log_sum_exps, log_sum_exps)
            self._mean.mul_((self._log_sum_exps - whole).exp()[:, None])
            here = self._mean.add_(here.mul_((log_sum_exps - whole).exp()[:, None]))
            log_sum_exps = whole
        self._mean, self._log_sum_exps = here, log_sum_exps

    def chunk(self, hidden: Tensor, log_sum_exps: Tensor) -> None:
        assert self._likeliest is not None
        mean = None if self._mean is None else _on_host(self._mean.float())
        self.chunks.append(Predictions(_on_host(hidden), log_sum_exps, self._likeliest, mean))
        self._begin()


class Divergence:
    """Agreement and KL, gathered while the other model runs over the same tokens in batches of the same size.

    Args:
        states: the dense model's.
        head: the pristine head, and what makes logits of what it gives.
        same_head: the other model has the same.
    """

    def __init__(self, states: DenseStates, head: Head | HeadInBlocks, same_head: bool = False) -> None:
        self._chunks = iter(states.chunks)
        self._head = head if isinstance(head, HeadInBlocks) else HeadInBlocks(head)
        self._same_head = same_head
        self._sums: list[Tensor] = []  # of a chunk: agreements and KL, float64 [2], where it was computed
        self._count = 0
        self._begin()

    def _begin(self) -> None:
        self._dense: Predictions | None = None
        self._likeliest: Likeliest | None = None
        self._gaps: Tensor | None = None  # of the blocks so far, float64 [positions]

    def block(self, hidden: Tensor, logits: Tensor, tokens: slice, log_sum_exps: Tensor) -> None:
        if self._dense is None:
            self._dense = next(self._chunks)
            if len(self._dense.hidden) != len(logits):
                raise ValueError(f"{len(self._dense.hidden)} dense states for {len(logits)} positions: other batches")
            self._states = self._dense.hidden.to(logits.device, non_blocking=True)
        likeliest = Likeliest.of(logits, tokens.start)
        self._likeliest = self._likeliest.or_later(likeliest) if self._likeliest else likeliest
        if self._same_head and self._dense.mean_rows is not None:
            return
        pieces = in_pieces(
            self._head(self._states, tokens), logits, self._dense.likeliest.largest, self._dense.log_sum_exps
        )
        gaps = torch.cat([_mean_gaps(*piece) for piece in pieces])
        self._gaps = gaps if self._gaps is None else self._gaps.add_(gaps)

    def chunk(self, hidden: Tensor, log_sum_exps: Tensor) -> None:
        dense, gaps = self._dense, self._gaps
        assert dense is not None and self._likeliest is not None
        if gaps is None:
            assert dense.mean_rows is not None
            rows = dense.mean_rows.to(log_sum_exps.device, non_blocking=True).double()
            gaps = torch.linalg.vecdot(rows, self._states.double() - hidden.to(rows.device))
        agreed = (dense.likeliest.tokens == self._likeliest.tokens).sum(dtype=torch.float64)
        self._sums.append(torch.stack([agreed, (gaps - dense.log_sum_exps + log_sum_exps).sum()]))
        self._count += len(hidden)
        self._begin()

    def result(self) -> tuple[float, float]:
        """The share of positions with the same first choice, and the mean KL(dense || other) in nats a token."""
        agreed, kl = torch.stack(self._sums).sum(0).tolist()
        return agreed / self._count, kl / self._count


def _on_host(found: Tensor) -> Tensor:
    # To memory that is pinned a GPU copies beside its work; who has it copy them back comes after, in its order.
    kept = torch.empty(found.shape, dtype=found.dtype, pin_memory=found.is_cuda)
    return kept.copy_(found, non_blocking=True)


def _mean_rows(logits: Tensor, log_sum_exps: Tensor, likeliest: Likeliest, rows: Tensor, tokens: slice) -> Tensor:
    """The mean of some tokens' rows of the head by the probabilities among these tokens.

    The likeliest one's row is added in float64: beside it, a product in float32 loses small probabilities.

    Args:
        logits: of the tokens [positions, tokens]; overwritten.
        log_sum_exps: of these logits, float64 [positions].
        likeliest: of these logits.
        rows: the head's weight, float32 [vocabulary, width].

    Returns:
        float64 [positions, width].
    """
    for piece, largest in in_pieces(logits, likeliest.largest[:, None]):
        piece.sub_(largest).exp_()
    logits.scatter_(1, (likeliest.tokens - tokens.start)[:, None], 0.0)
    total = functional.linear(logits, rows[tokens].t()).double().add_(rows[likeliest.tokens])
    return total.mul_((likeliest.largest - log_sum_exps).exp()[:, None])


def _mean_gaps(dense: Tensor, found: Tensor, largest: Tensor, log_sum_exps: Tensor) -> Tensor:
    """The sum of p (dense - found) over logits [positions, tokens], with p = exp(dense - log_sum_exps).

    Args:
        largest: of all the dense logits, float32 [positions]; its exponential is exact, where it counts most.
        log_sum_exps: of all the dense logits, float64 [positions].

    Returns:
        float64 [positions].
    """
    dense = dense.float()
    shares = (dense - largest[:, None]).exp_()
    return shares.mul_(dense - found).sum(-1, dtype=torch.float64) * (largest - log_sum_exps).exp()
