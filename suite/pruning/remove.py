"""Removal: the weights that go become zero, and on the way the mask is packed and zeros are counted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from suite.pruning.keys import magnitude_keys
from suite.pruning.masks import Bits
from suite.pruning.pieces import Array, count, each_piece, pack


class Removed(NamedTuple):
    """The packed mask (1 = survives), and how many weights are zero, removed or not, after the removal and before."""

    mask: Bits
    zeros: int
    zeros_before: int


def remove(weight: Tensor, removed: Tensor, stored: Tensor, corrected: Tensor | None = None) -> Removed:
    """Make the weights that go zero, in place.

    Args:
        weight: float16, bfloat16 or float32, contiguous.
        removed: bool, True where a weight goes.
        stored: what `weight` was made of, or `weight` itself: its zeros are counted, not those of a cast.
        corrected: float32, what the others become; zeros after the removal are counted of these.

    All have the shape of `weight` and lie beside it.
    """
    assert weight.is_contiguous(), "a view would be of a copy"
    zeros_before = None
    if corrected is not None:
        zeros_before = _zeros(stored)
        weight.copy_(corrected)
        stored = corrected
    done = _remove(magnitude_keys(weight), removed, magnitude_keys(stored))
    return done if zeros_before is None else done._replace(zeros_before=zeros_before)


def _zeros(values: Tensor) -> int:
    bits = magnitude_keys(values)
    largest = torch.iinfo(bits.dtype).max
    return bits.numel() - sum(each_piece(lambda _, some: count(some & largest), bits))


def _remove(weight: Tensor, removed: Tensor, values: Tensor) -> Removed:
    """Make weights zero, of which those are zero already whose `values` are; all bits, as integers."""
    largest = torch.iinfo(values.dtype).max

    def piece(_: int, weight: Array, gone: Array, values: Array) -> Removed:
        kept, zeros = ~gone, count(gone)
        magnitudes = values & largest
        zeros_before = 0
        if magnitudes.min() == 0:
            zeros_before = len(gone) - count(magnitudes)
            zeros += count(kept & (magnitudes == 0))
        weight *= kept
        return Removed(pack(kept), zeros, zeros_before)

    masks, zeros, zeros_before = zip(*each_piece(piece, weight, removed, values), strict=True)
    return Removed(np.concatenate(masks), sum(zeros), sum(zeros_before))
