"""Masks: which weights survive, counted and digested."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from torch import Tensor


class MaskDigest:
    """SHA-256 over the packed bits (1 = survives, first weight in the highest bit) of masks in the order of names.

    Each tensor is padded to whole bytes. Two machines that pruned alike have the same digest.
    """

    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self._last = ""

    def add(self, name: str, removed: Tensor) -> None:
        """Take in the selection (bool, True = removed) of the tensor called `name`."""
        if name <= self._last:
            raise ValueError(f"masks are digested in the order of names, and {name!r} came after {self._last!r}")
        self._last = name
        self._sha.update(np.packbits(~removed.cpu().numpy().reshape(-1)).tobytes())

    def hexdigest(self) -> str:
        return self._sha.hexdigest()


def budget_counts(weights: Sequence[int], total: int) -> list[int]:
    """Split an exact `total` over tensors in proportion to their weights, by largest remainder (ties: first)."""
    whole = sum(weights)
    counts = [total * count // whole for count in weights]
    remainders = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for i in remainders[: total - sum(counts)]:
        counts[i] += 1
    return counts
