"""Tokens of a text that is too long to be tokenised as one: its documents are tokenised as they are drawn."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from suite.errors import ExperimentError

MOST_SHORT = 10_000  # documents drawn in a row that are all too short, before it is given up
BYTES_A_TOKEN = 4  # about; where it is wrong, more documents are read


@dataclass(frozen=True)
class DrawnDocuments:
    """Documents of the text `name`, tokenised by the model's own tokenizer, with its own special tokens unless
    `special` is false."""

    name: str
    documents: Sequence[str]
    join: str
    tokenizer: PreTrainedTokenizerBase
    special: bool = True
    _drawn: dict[tuple[int, int, int], Tensor] = field(default_factory=dict, repr=False)

    def windows(self, samples: int, context: int, seed: int) -> Tensor:
        """Calibration windows as the published code of SparseGPT (datautils.py) and Wanda (lib/data.py) draws them of
        C4: documents at random until one has more tokens than a window, and a window at a random place in it.

        Returns:
            int64 [samples, context].

        Raises:
            ExperimentError: the documents are too short.
        """
        key = samples, context, seed
        if key not in self._drawn:
            draw = random.Random(seed)
            self._drawn[key] = torch.tensor([self._window(draw, context) for _ in range(samples)], dtype=torch.int64)
        return self._drawn[key]

    def first(self, tokens: int) -> list[int]:
        """The first `tokens` tokens of the documents joined: what a recovery of that budget learns from.

        Raises:
            ExperimentError: all documents together have fewer.
        """
        count, size, wanted = 0, 0, BYTES_A_TOKEN * tokens
        while True:
            while size < wanted and count < len(self.documents):
                size += len(self.documents[count].encode())
                count += 1
            ids = self._ids(self.join.join(self.documents[:count]))
            if len(ids) > tokens:
                return ids[:tokens]
            if count == len(self.documents):
                raise ExperimentError(
                    f"text {self.name!r} is {len(ids):,} tokens long, and {tokens:,} are to be learnt from; give fewer "
                    "`tokens`, or another text"
                )
            wanted *= 2

    def _window(self, draw: random.Random, context: int) -> list[int]:
        for _ in range(MOST_SHORT):
            ids = self._ids(self.documents[draw.randint(0, len(self.documents) - 1)])
            if len(ids) > context:
                start = draw.randint(0, len(ids) - context - 1)
                return ids[start : start + context]
        raise ExperimentError(
            f"of {MOST_SHORT:,} documents drawn from text {self.name!r} none is longer than a window of {context} "
            "tokens; give another calibration text, or a smaller `context`"
        )

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, verbose=False, add_special_tokens=self.special)["input_ids"]
        return ids
