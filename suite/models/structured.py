"""Whole layers and MLP neurons, really taken out of a model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor

from suite.models.loading import LoadedModel
from suite.models.pruned import Pruned
from suite.records.experiment import Experiment


@contextmanager
def taken_out(loaded: LoadedModel, experiment: Experiment, calibration: Tensor | None = None) -> Iterator[Pruned]:
    raise NotImplementedError
    yield
