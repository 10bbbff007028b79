"""The perplexity of a model in memory, by the suite's protocol, with its interval over the text."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from suite.data.windows import make_windows
from suite.errors import InputError
from suite.evaluation.interval import enough_windows, mean_interval, ratio_interval
from suite.library.texts import Text, text_of
from suite.protocol import CONTEXT, LEVEL, TOKENS_A_BATCH
from suite.records.experiment import Bos


class Bounds(NamedTuple):
    """An interval of 95 %."""

    low: float
    high: float


class Ratio(NamedTuple):
    """A perplexity over another's on the same windows; the interval is paired, None with fewer than 40 windows."""

    value: float
    interval: Bounds | None


@dataclass(frozen=True)
class PerplexityResult:
    """exp(mean negative log-likelihood) of the predicted tokens (docs/protocol.md, rules 10 to 12).

    Attributes:
        value: the perplexity.
        interval: over the text, 95 %; None with fewer than 40 windows.
        nats: the mean loss of each window, nats a token.
        tokens: how many were predicted.
        text_windows: how many windows the whole text has; `len(nats)` of them were evaluated.
        bits_per_byte: of the text.
    """

    value: float
    interval: Bounds | None
    nats: tuple[float, ...] = field(repr=False)
    tokens: int
    text_windows: int
    bits_per_byte: float
    source: tuple[str, ...] = field(repr=False)  # what must be equal for two results to be of the same windows

    def relative_to(self, dense: PerplexityResult) -> Ratio:
        """This perplexity over another's, say a pruned model's over the dense one's.

        Raises:
            InputError: they are not of the same windows.
        """
        if self.source != dense.source:
            raise InputError(
                "two perplexities are compared on the same windows of the same text, by the same tokenizer; give both "
                "the same `text`, `context`, `windows` and `bos`"
            )
        found = ratio_interval(self.nats, dense.nats, text_windows=self.text_windows)
        return Ratio(self.value / dense.value, Bounds(found.low, found.high) if found else None)


def perplexity(
    model: Any,
    tokenizer: Any,
    text: Text,
    context: int = CONTEXT,
    windows: int | None = None,
    bos: Bos = "once",
    batch_size: int | None = None,
) -> PerplexityResult:
    """The perplexity of a causal language model of transformers on a text.

    The text is tokenised once and cut into windows that do not overlap; the tail is dropped. Losses are exact to
    float64 in the softmax.

    Args:
        model: a causal model of transformers, on any device, in any dtype.
        tokenizer: its tokenizer.
        text: a name (`wikitext-2`), a file, or a list of strings.
        context: tokens a window.
        windows: so many, spread evenly over the text; None for all.
        bos: `each` begins every window with the tokenizer's BOS, which Gemma needs.
        batch_size: windows a pass; by default about 2,048 tokens.

    Raises:
        InputError: the text cannot be had, or is shorter than asked for.
        ExperimentError: a logit is not finite, or the perplexity is beyond any number.
    """
    from suite.evaluation.perplexity import mean_perplexity, token_losses

    source = text_of(text)
    cut = make_windows(source, tokenizer, context, windows, bos)
    losses = token_losses(model, cut.tokens, batch_size or max(1, TOKENS_A_BATCH // context))
    nats = np.asarray(losses.mean(axis=1))
    mean = float(losses.mean())
    interval = None
    if enough_windows(len(nats), cut.text_windows):
        low, high = mean_interval(nats, LEVEL)
        interval = Bounds(math.exp(low), math.exp(high))
    return PerplexityResult(
        mean_perplexity(mean),
        interval,
        tuple(map(float, nats)),
        int(losses.size),
        cut.text_windows,
        mean / math.log(2) / cut.bytes_per_token,
        (cut.text_sha256, cut.tokenizer_sha256, str(context), str(windows), bos),
    )
