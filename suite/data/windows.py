"""A text as a model sees it: tokenised once, cut into windows, and labelled where the grammar knows every word."""

from __future__ import annotations

import hashlib
import math
import random
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedTokenizerBase

from suite.data.grammar_labels import grammar_labels
from suite.data.source import TextSource
from suite.errors import InputError
from suite.records.experiment import Bos


@dataclass(frozen=True)
class Labels:
    """What the grammar knows of each predicted token; arrays are [windows, context - 1].

    `logprob` in nats; `kind` one of the grammar's kinds; `whole` says whether the token's story begins in its window.
    """

    logprob: NDArray[np.float64]
    kind: NDArray[np.str_]
    whole: NDArray[np.bool_]

    def of(self, windows: list[int]) -> Labels:
        """Those of some windows."""
        return Labels(self.logprob[windows], self.kind[windows], self.whole[windows])


@dataclass(frozen=True)
class Windows:
    """Non-overlapping windows of a text, the tail dropped (protocol rule 10).

    `tokens` is int64 [windows, context]; `bos` says whether the tokenizer put one at the start of the text, or that
    each window begins with one. `text_windows` is how many windows the text has; `tokens` may hold only some of them.
    """

    source: TextSource
    tokens: Tensor
    bos: bool | Literal["each"]
    text_sha256: str
    text_bytes: int
    text_tokens: int
    text_windows: int
    tokenizer_sha256: str
    labels: Labels | None

    @property
    def stride(self) -> int:
        """Tokens of the text between the starts of two neighbouring windows of the whole text."""
        return self.tokens.shape[1] - (self.bos == "each")

    @property
    def bytes_per_token(self) -> float:
        return self.text_bytes / self.text_tokens

    @property
    def predicted(self) -> int:
        count, context = self.tokens.shape
        return count * (context - 1)

    def unigram(self) -> float:
        """The perplexity of always guessing by the frequencies of the predicted tokens themselves."""
        counts = torch.bincount(self.tokens[:, 1:].flatten()).double()
        shares = counts[counts > 0] / counts.sum()
        return math.exp(float(-(shares * shares.log()).sum()))


def make_windows(
    source: TextSource,
    tokenizer: PreTrainedTokenizerBase,
    context: int,
    count: int | None = None,
    bos: Bos = "once",
) -> Windows:
    """Tokenise a text once and cut it.

    Args:
        count: how many windows are wanted, spread evenly over the text; None for all.
        bos: `once` leaves it to the tokenizer, which puts at most one at the start of the text. `each` begins every
            window with the tokenizer's BOS, before `context - 1` tokens of the text.

    Raises:
        InputError: the text has fewer windows than wanted, or none; or the tokenizer has no BOS.
    """
    each = bos == "each"
    if each and tokenizer.bos_token_id is None:
        raise InputError("`bos: each` needs a tokenizer that has a BOS, and this model's has none; leave `bos` out")
    stride = context - each
    ids = token_ids(source, tokenizer, stride, special=not each)
    there = min(len(ids) // stride, source.most_windows or len(ids))  # as many as the text's protocol has
    chosen = _spread(source, there, there if count is None else count)
    tokens = torch.tensor(ids[: there * stride], dtype=torch.int64).view(there, stride)[chosen]
    tokens = begun_with(tokenizer.bos_token_id if each else None, tokens)
    labels = None if each else _labels(source, tokenizer, ids, context)
    raw = source.content.encode()
    return Windows(
        source=source,
        tokens=tokens,
        bos="each" if each else tokenizer.bos_token_id is not None and ids[0] == tokenizer.bos_token_id,
        text_sha256=hashlib.sha256(raw).hexdigest(),
        text_bytes=len(raw),
        text_tokens=len(ids),
        text_windows=there,
        tokenizer_sha256=tokenizer_digest(tokenizer),
        labels=labels and labels.of(chosen),
    )


def begun_with(bos: int | None, windows: Tensor) -> Tensor:
    """Windows, int64 [windows, tokens], each after this token; as they are where it is None."""
    return windows if bos is None else functional.pad(windows, (1, 0), value=bos)


def _spread(source: TextSource, there: int, count: int) -> list[int]:
    """Which of the windows that are there are taken: the middle one of each of `count` equal stretches of the text."""
    if count > there:
        raise InputError(
            f"`windows: {count}` is more than the {there} windows that text {source.name!r} has; ask for fewer, or "
            "leave `windows` out to take all"
        )
    return [(2 * i + 1) * there // (2 * count) for i in range(count)]


def token_ids(
    source: TextSource, tokenizer: PreTrainedTokenizerBase, longer_than: int, special: bool = True
) -> list[int]:
    """The text's tokens, with the tokenizer's own special ones unless `special` is false.

    Raises:
        InputError: they are fewer than `longer_than`.
    """
    ids: list[int] = tokenizer(source.content, verbose=False, add_special_tokens=special)["input_ids"]
    if len(ids) < longer_than:
        raise InputError(
            f"text {source.name!r} is {len(ids)} tokens long, shorter than one window of {longer_than}; "
            "give a longer text, or a smaller `context`"
        )
    return ids


def calibration_windows(ids: list[int], samples: int, context: int, seed: int) -> Tensor:
    """Windows that begin at random places, drawn as the published code of SparseGPT and Wanda draws them.

    Args:
        ids: the text's tokens.

    Returns:
        int64 [samples, context].
    """
    draw = random.Random(seed)
    starts = [draw.randint(0, len(ids) - context - 1) for _ in range(samples)]
    return torch.tensor([ids[start : start + context] for start in starts], dtype=torch.int64)


def tokenizer_digest(tokenizer: PreTrainedTokenizerBase) -> str:
    """SHA-256 of what decides a tokenizer's output: its serialised backend, in hexadecimal."""
    return hashlib.sha256(tokenizer.backend_tokenizer.to_str().encode()).hexdigest()


def _labels(source: TextSource, tokenizer: PreTrainedTokenizerBase, ids: list[int], context: int) -> Labels | None:
    known = grammar_labels(source)
    if known is None or tokenizer.convert_ids_to_tokens(ids) != known.words:
        return None  # another tokenizer's pieces are not the grammar's words
    count = len(ids) // context
    positions = np.arange(count * context)
    begins = known.starts[np.searchsorted(known.starts, positions, side="right") - 1]
    shape = (count, context)

    def predicted(values: NDArray[np.generic]) -> NDArray[np.generic]:
        return values[: count * context].reshape(shape)[:, 1:]

    return Labels(
        logprob=predicted(known.logprob),  # type: ignore[arg-type]
        kind=predicted(known.kind),  # type: ignore[arg-type]
        whole=predicted(begins >= positions // context * context),  # type: ignore[arg-type]
    )
