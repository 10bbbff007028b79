"""Perplexity by the protocol of GPTQ, SparseGPT and Wanda (rules 10 to 12, 15 and 16)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from suite.data.windows import Windows
from suite.errors import ExperimentError
from suite.evaluation.blocks import HeadInBlocks
from suite.evaluation.interval import ratio_interval
from suite.evaluation.products import fast_products
from suite.evaluation.retained_malloc import retained_malloc
from suite.evaluation.softmax import TargetLosses
from suite.models.logits import Body, body_of
from suite.protocol import MOST_NATS
from suite.records import schema
from suite.records.schema import Perplexity


class NotFiniteError(ExperimentError):
    """The model gave a logit that is not a number: a failed experiment, never a perplexity (rule 15)."""


class Observer(Protocol):
    """Is shown all logits as they are computed, in the text's order: the blocks of a chunk of positions, then its end.

    `hidden` are its states [positions, width].
    """

    def block(self, hidden: Tensor, logits: Tensor, tokens: slice, log_sum_exps: Tensor) -> None:
        """Logits [positions, tokens] of some tokens, and the log-sum-exp of these alone, float64 [positions].

        The logits may be overwritten.
        """

    def chunk(self, hidden: Tensor, log_sum_exps: Tensor) -> None:
        """The log-sum-exp of all tokens, float64 [positions]."""


@retained_malloc()
@fast_products()
@torch.inference_mode()
def token_losses(
    model: PreTrainedModel,
    tokens: Tensor,
    batch_size: int,
    progress: Callable[[int], None] = lambda windows: None,
    observe: Observer | None = None,
    body: Body | None = None,
) -> NDArray[np.float64]:
    """The negative log-likelihood of every predicted token, nats.

    The body runs once a batch; the logits come in blocks (`suite.evaluation.blocks`), so those of a whole window never
    exist at once. Their exponentials are computed in float32 and summed in float64 (`suite.evaluation.softmax`).

    Args:
        model: a causal model; its logits are what its class makes of the last hidden states.
        tokens: int64 [windows, context].
        batch_size: windows a pass.
        progress: told how many windows are done.
        observe: shown all logits.
        body: what goes before the head, where not all of it has to run.

    Returns:
        float64 [windows, context - 1].

    Raises:
        NotFiniteError: a logit is infinite or not a number; said once its batch is through.
    """
    head, body = HeadInBlocks.of(model), body or body_of(model)
    rows = []
    for batch in tokens.split(batch_size):
        inputs = batch.to(model.device)
        hidden = body(inputs)[:, :-1].flatten(0, 1)
        targets = inputs[:, 1:].flatten()
        positions, width = head.split(len(hidden))
        losses = [
            _losses(head, width, states, wanted, observe)
            for states, wanted in zip(hidden.split(positions), targets.split(positions), strict=True)
        ]
        if not torch.cat(losses).isfinite().all():  # read once a batch: at each chunk, a GPU would wait to be asked
            raise NotFiniteError(f"a logit is not finite in {str(hidden.dtype).removeprefix('torch.')}")
        rows.append(torch.cat(losses).view(len(batch), -1).cpu())
        progress(sum(map(len, rows)))
    return torch.cat(rows).numpy()


def _losses(head: HeadInBlocks, width: int, hidden: Tensor, targets: Tensor, observe: Observer | None) -> Tensor:
    """The losses of a chunk of positions, float64 [positions], by blocks of `width` tokens."""
    losses: TargetLosses | None = None
    for tokens in head.blocks(width):
        logits = head(hidden, tokens)
        losses = losses or TargetLosses(targets.to(logits.device))  # a model that is spread may have its head elsewhere
        log_sum_exps = losses.add(logits, tokens.start)
        if observe:
            observe.block(hidden, logits, tokens, log_sum_exps)
    assert losses is not None and losses.log_sum_exps is not None
    if observe:
        observe.chunk(hidden, losses.log_sum_exps)
    return losses.nats()


def mean_perplexity(mean: float) -> float:
    """The perplexity of a mean loss in nats a token.

    Raises:
        ExperimentError: it is too large for a number.
    """
    if mean > MOST_NATS:
        raise ExperimentError(f"the mean loss is {mean:.0f} nats a token, whose perplexity is beyond any number")
    return math.exp(mean)


def perplexity(
    losses: NDArray[np.float64],
    windows: Windows,
    protocol: schema.Protocol,
    vocabulary: int,
    dense: Perplexity | None = None,
    divergence: tuple[float, float] = (1.0, 0.0),
) -> Perplexity:
    """The record's perplexity from the losses of every predicted token.

    Args:
        losses: float64 [windows, context - 1], nats.
        windows: what was predicted.
        protocol: how.
        vocabulary: number of tokens the model chooses among.
        dense: the dense model's on the same windows; None when this is the dense model's.
        divergence: agreement with the dense model, and the mean KL from it in nats.

    Raises:
        ExperimentError: the perplexity is too large for a number.
    """
    mean = float(losses.mean())
    value = mean_perplexity(mean)
    extra: dict[str, Any] = {}
    if (labels := windows.labels) is not None:
        whole = labels.whole
        kinds = {str(kind): (labels.kind == kind) & whole for kind in np.unique(labels.kind[whole])}
        extra = {
            "floor": math.exp(-float(labels.logprob.mean())),
            "by_kind": {kind: float(losses[chosen].mean()) for kind, chosen in kinds.items()},
            "floor_by_kind": {kind: -float(labels.logprob[chosen].mean()) + 0.0 for kind, chosen in kinds.items()},
        }
        if whole.any():  # in few and short windows, no story may begin
            extra["whole"] = math.exp(float(losses[whole].mean()))
            extra["whole_floor"] = math.exp(-float(labels.logprob[whole].mean()))
    nll_per_window = tuple(float(row) for row in losses.mean(axis=1))
    interval = None
    if dense is not None:
        interval = ratio_interval(nll_per_window, dense.nll_per_window, text_windows=protocol.text_windows)
    return Perplexity(
        value=value,
        nll_per_window=nll_per_window,
        bits_per_byte=mean / math.log(2) / windows.bytes_per_token,
        ratio_to_dense=1.0 if dense is None else value / dense.value,
        interval=interval,
        agreement=divergence[0],
        kl=divergence[1],
        uniform=float(vocabulary),
        unigram=windows.unigram(),
        tokens=losses.size,
        windows=len(losses),
        protocol=protocol,
        **extra,
    )
