"""Products in float32 by oneDNN instead of MKL, on the processors where that is faster.

PyTorch 2.13 takes MKL in float32, which leaves AVX-512 unused on processors of AMD: oneDNN is 1.7 to 2.4 times as fast
there, and 1.1 to 1.2 times with AVX2 alone. In 16 bits PyTorch takes oneDNN itself. Against float64, a token's loss of
SmolLM2 135M is off by 6.3e-6 nats (root mean square) where MKL leaves 3.5e-6: means agree in six digits either way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from suite.machine import by_amd


@contextmanager
def fast_products() -> Iterator[None]:
    """Have `torch.nn.functional.linear` compute in float32 by the faster library while inside; nothing may be learnt.

    `torch.nn.Linear` calls it by that name, so it stands in its place for the time. Sums come in another order: results
    differ by rounding.
    """
    if not chosen():
        yield
        return
    usual = functional.linear

    def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if not _plain(input) or not _plain(weight) or torch.is_grad_enabled():
            return usual(input, weight, bias)
        made: Tensor = torch.ops.mkldnn._linear_pointwise(input, weight, bias, "none", [], "")
        return made

    functional.linear = linear
    try:
        yield
    finally:
        functional.linear = usual


@cache
def chosen() -> bool:
    """Whether oneDNN is taken on this machine."""
    there = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    return there and by_amd()


def _plain(tensor: Tensor) -> bool:
    """Whether a tensor is one of float32 in a processor's memory, and of no type of its own."""
    kind = type(tensor) in (Tensor, torch.nn.Parameter)
    return kind and tensor.dtype == torch.float32 and tensor.device.type == "cpu"
