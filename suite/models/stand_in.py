"""Another tensor in the place of a layer's weight, for as long as it is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def park(parameter: Tensor) -> None:
    """Let go of a parameter's memory. It stays the object it is, so that whoever knows it finds it again."""
    parameter.data = torch.empty(0, dtype=parameter.dtype, device=parameter.device)


@contextmanager
def stand_in(layer: nn.Linear, weight: Tensor, back: Callable[[], Tensor]) -> Iterator[None]:
    """Have `weight` do a layer's work while inside; its own weight holds no memory meanwhile.

    Args:
        back: gives its own weight's values on leaving, on any device.
    """
    own, other = layer.weight, nn.Parameter(weight, requires_grad=False)
    dtype, device = own.dtype, own.device
    try:
        park(own)
        layer.weight = other
        yield
    finally:
        layer.weight = own
        own.data = back().to(device, dtype)
