"""Sums that decide which weights go are float32 throughout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def full_float32() -> Iterator[None]:
    """Multiply float32 matrices in float32 while inside, whatever the process was set to before.

    TF32, which a GPU from compute capability 8.0 on may put in its place, keeps 10 bits of the mantissa: too few for a
    factorisation of SparseGPT's H, and silently another mask.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
