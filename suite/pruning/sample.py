"""A sample of a mask, small enough for a record: by it two masks that cannot be equal to the bit are compared.

Masks of criteria that look at activations come out of floating-point sums, so another machine's differ in a few weights
near the threshold (protocol rule 1). Which weights are looked at follows from the number of weights alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from suite.protocol import SAMPLED_WEIGHTS

if TYPE_CHECKING:  # a comparison reads samples without torch
    from suite.pruning.masks import Bits

_KEY = int.from_bytes(b"lottery/sample", "little")


def mask_sample(masks: Mapping[str, Bits], weights: Mapping[str, int]) -> str:
    """Whether each of `SAMPLED_WEIGHTS` weights survives, a bit each, in hexadecimal.

    Args:
        masks: the packed masks (1 = survives).
        weights: how many weights each has.
    """
    names = sorted(masks)
    ends = np.cumsum([weights[name] for name in names])
    places = np.sort(np.random.Philox(key=_KEY).random_raw(SAMPLED_WEIGHTS) % np.uint64(ends[-1])).astype(np.int64)
    tensors = np.searchsorted(ends, places, side="right")
    within = places - np.concatenate([[0], ends[:-1]])[tensors]
    survives = [masks[names[t]][i >> 3] >> (7 - (i & 7)) & 1 for t, i in zip(tensors, within, strict=True)]
    return np.packbits(np.array(survives, dtype=np.uint8)).tobytes().hex()


def agreement(one: str, other: str) -> float:
    """The share of the sampled weights that both masks keep or both remove."""
    apart = np.frombuffer(bytes.fromhex(one), np.uint8) ^ np.frombuffer(bytes.fromhex(other), np.uint8)
    return 1 - int(np.unpackbits(apart).sum()) / SAMPLED_WEIGHTS
