"""What a network learns from, and what it is examined on: the same windows, in the same order, for every arm."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from suite.data import grammar
from suite.data.grammar_labels import grammar_labels
from suite.data.source import TextSource
from suite.data.windows import make_windows, token_ids, tokenizer_digest
from suite.errors import InputError


@dataclass(frozen=True)
class TrainingData:
    """A text to learn from. `weights` is what each token's loss counts, float32; windows begin at one of `starts`."""

    tokens: Tensor  # int64
    weights: Tensor
    starts: NDArray[np.int64]
    context: int

    def batch(self, stream: int, step: int, size: int) -> tuple[Tensor, Tensor]:
        """The windows of a step, int64 [size, context], and the weights of the predicted tokens [size, context - 1].

        They follow from the stream and the step alone, by the raw words of NumPy's Philox.
        """
        words = np.random.Philox(key=[stream, step]).random_raw(size)
        begins = torch.from_numpy(self.starts[(words % len(self.starts)).astype(np.int64)])
        places = begins[:, None] + torch.arange(self.context)
        return self.tokens[places], self.weights[places[:, 1:]]


@dataclass(frozen=True)
class HeldOut:
    """Held-out windows, int64 [windows, context]; `floor` is the grammar's own loss on what they predict, nats."""

    windows: Tensor
    floor: float | None
    text_sha256: str
    tokenizer_sha256: str


def stream_of(seed: int, order: int) -> int:
    """The number of a stream of windows: another one for every start and every order of the data."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{order}".encode()).digest()[:8], "little")


def training_data(
    source: TextSource, tokenizer: PreTrainedTokenizerBase, context: int, recall_weight: float
) -> TrainingData:
    """A text to learn from. Of a text of the embedded grammar every window begins with a story, so that what is to be
    recalled in it has been told in it, and the words to recall count `recall_weight` times: what kind a word is follows
    from those before it, so this hurries learning along without moving its optimum.

    Raises:
        InputError: the text is too short; or a weight was asked for, and nothing is known of the words.
    """
    ids = token_ids(source, tokenizer, context + 1)
    tokens, weights = torch.tensor(ids, dtype=torch.int64), torch.ones(len(ids))
    known = grammar_labels(source)
    if known is None:
        if recall_weight != 1:
            raise InputError(
                f"text {source.name!r} is none of the embedded grammar, so its words to recall are not known; "
                "leave `recall_weight` out"
            )
        return TrainingData(tokens, weights, np.arange(len(ids) - context + 1), context)
    _check(known.words, ids, tokenizer, source)
    weights[torch.from_numpy(known.kind == str(grammar.Kind.RECALL))] = recall_weight
    return TrainingData(tokens, weights, known.starts[known.starts <= len(ids) - context], context)


def held_out_of(source: TextSource, tokenizer: PreTrainedTokenizerBase, context: int) -> HeldOut:
    """The held-out windows of a text: one from the start of each story of the embedded grammar, else side by side.

    Raises:
        InputError: the text is shorter than one window.
    """
    known = grammar_labels(source)
    digests = hashlib.sha256(source.content.encode()).hexdigest(), tokenizer_digest(tokenizer)
    if known is None:
        return HeldOut(make_windows(source, tokenizer, context).tokens, None, *digests)
    ids = token_ids(source, tokenizer, context)
    _check(known.words, ids, tokenizer, source)
    starts = known.starts[known.starts <= len(ids) - context]
    places = starts[:, None] + np.arange(context)
    floor = -float(known.logprob[places[:, 1:]].mean())
    return HeldOut(torch.tensor(ids, dtype=torch.int64)[torch.from_numpy(places)], floor, *digests)


def _check(words: list[str], ids: list[int], tokenizer: PreTrainedTokenizerBase, source: TextSource) -> None:
    if tokenizer.convert_ids_to_tokens(ids) != words:
        raise InputError(f"the model's tokenizer does not keep the words of {source.name!r} whole; take another text")
