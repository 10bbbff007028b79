"""Recovery: fine-tune a pruned model with its mask held."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from suite.models.loading import LoadedModel
from suite.pruning.masks import Bits
from suite.records.experiment import Recovery
from suite.records.schema import Recovered


@contextmanager
def recovered(
    loaded: LoadedModel,
    masks: Mapping[str, Bits],
    asked: Recovery,
    ids: Sequence[int],
    perplexity: Callable[[], float],
    progress: Callable[[int, int], None],
) -> Iterator[Recovered]:
    raise NotImplementedError
    yield
