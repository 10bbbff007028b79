"""The hardware's own 2:4 kernels: PyTorch's semi-structured sparsity in the place of dense weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from suite.models.loading import LoadedModel


def why_not(loaded: LoadedModel) -> str | None:
    """Why 2:4 kernels cannot run this model on this machine, or None where they can."""
    return "not written yet"


@contextmanager
def on_sparse_kernels(loaded: LoadedModel, names: Iterable[str]) -> Iterator[str]:
    raise NotImplementedError
    yield
