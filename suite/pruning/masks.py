"""Masks: which weights survive, counted and digested."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Bits = NDArray[np.uint8]


def packed(removed: Tensor) -> Bits:
    """The mask of a selection (bool, True = removed): a bit a weight, 1 = survives, the first in the highest bit."""
    return np.packbits(~removed.cpu().numpy().reshape(-1))


def survives(mask: Bits, weights: int) -> NDArray[np.bool_]:
    """What a packed mask of so many weights says of each: True = survives.

    Raises:
        ValueError: it is of another number of weights.
    """
    if mask.size != (weights + 7) // 8:
        raise ValueError(f"a mask of {mask.size} bytes for {weights} weights")
    return np.unpackbits(mask, count=weights).astype(bool)


def joined(masks: Sequence[Bits], weights: int) -> Bits:
    """The packed mask of a stack of matrices of so many weights each, from those of the matrices."""
    if len(masks) == 1 or weights % 8 == 0:
        return np.concatenate(masks)
    return np.packbits(np.concatenate([survives(mask, weights) for mask in masks]))


def mask_digest(masks: Mapping[str, Bits]) -> str:
    """SHA-256 over the packed masks in the order of names, each padded to whole bytes, in hexadecimal.

    Two machines that pruned alike have the same digest.
    """
    sha = hashlib.sha256()
    for name in sorted(masks):
        sha.update(masks[name].tobytes())
    return sha.hexdigest()


def budget_counts(weights: Sequence[int], total: int) -> list[int]:
    """Split an exact `total` over tensors in proportion to their weights, by largest remainder (ties: first)."""
    whole = sum(weights)
    return apportion([Fraction(total * count, whole) for count in weights], total)


def apportion(quotas: Sequence[Fraction] | Sequence[float], total: int) -> list[int]:
    """Whole numbers that add up to `total`, as the quotas do but for rounding, by largest remainder (ties: first).

    Each is one of the two beside its quota.
    """
    counts = [math.floor(quota) for quota in quotas]
    remainders = sorted(range(len(quotas)), key=lambda i: (counts[i] - quotas[i], i))
    for i in remainders[: total - sum(counts)]:
        counts[i] += 1
    return counts
