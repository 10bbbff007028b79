"""A text as a model sees it: tokenised once, cut into windows, and labelled where the grammar knows every word."""

from __future__ import annotations

import hashlib
import math
import random
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from suite.data.source import TextSource
from suite.data.told import told
from suite.errors import InputError


@dataclass(frozen=True)
class Labels:
    """What the grammar knows of each predicted token; arrays are [windows, context - 1].

    `logprob` in nats; `kind` one of the grammar's kinds; `whole` says whether the token's story begins in its window.
    """

    logprob: NDArray[np.float64]
    kind: NDArray[np.str_]
    whole: NDArray[np.bool_]


@dataclass(frozen=True)
class Windows:
    """Non-overlapping windows of a text, the tail dropped (protocol rule 10).

    `tokens` is int64 [windows, context]; `bos` says whether the tokenizer put one at the start of the text.
    """

    source: TextSource
    tokens: Tensor
    bos: bool
    text_sha256: str
    text_bytes: int
    text_tokens: int
    tokenizer_sha256: str
    labels: Labels | None

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


def make_windows(source: TextSource, tokenizer: PreTrainedTokenizerBase, context: int) -> Windows:
    """Tokenise a text once, with the tokenizer's own special tokens, and cut it: at most as many windows as the text's
    protocol has.

    Raises:
        InputError: the text is shorter than one window.
    """
    ids = token_ids(source, tokenizer, context)
    count = min(len(ids) // context, source.most_windows or len(ids))
    raw = source.content.encode()
    return Windows(
        source=source,
        tokens=torch.tensor(ids[: count * context], dtype=torch.int64).view(count, context),
        bos=tokenizer.bos_token_id is not None and ids[0] == tokenizer.bos_token_id,
        text_sha256=hashlib.sha256(raw).hexdigest(),
        text_bytes=len(raw),
        text_tokens=len(ids),
        tokenizer_sha256=tokenizer_digest(tokenizer),
        labels=_labels(source, tokenizer, ids, context),
    )


def token_ids(source: TextSource, tokenizer: PreTrainedTokenizerBase, longer_than: int) -> list[int]:
    """The text's tokens, with the tokenizer's own special ones.

    Raises:
        InputError: they are fewer than `longer_than`.
    """
    ids: list[int] = tokenizer(source.content, verbose=False)["input_ids"]
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
    known = told(source)
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
