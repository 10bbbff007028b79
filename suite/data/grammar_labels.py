"""What the grammar knows of each word of a text it wrote."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from suite.data.catalogue import GrammarText
from suite.data.source import TextSource


@dataclass(frozen=True)
class GrammarLabels:
    """A text word by word, which is token by token for the embedded models.

    `words` in order; for each, `kind` is one of the grammar's kinds and `logprob` its exact log-probability in nats,
    both [words]; `starts` [stories] says which words begin a story. The arrays are shared and cannot be written to.
    """

    words: list[str]
    kind: NDArray[np.str_]
    logprob: NDArray[np.float64]
    starts: NDArray[np.int64]


def grammar_labels(source: TextSource) -> GrammarLabels | None:
    """What the grammar knows of a text; None if it did not write it."""
    return None if source.grammar_text is None else _labels(source.grammar_text)


@cache
def _labels(text: GrammarText) -> GrammarLabels:
    stories = list(text.tell())
    scored = list(chain.from_iterable(stories))
    kind = np.array([str(word.kind) for word in scored])
    logprob = np.array([word.logprob for word in scored])
    starts = np.cumsum([0, *map(len, stories[:-1])], dtype=np.int64)
    for array in (kind, logprob, starts):
        array.setflags(write=False)
    return GrammarLabels([word.word for word in scored], kind, logprob, starts)
