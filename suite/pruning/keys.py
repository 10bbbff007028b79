"""Keys: integers that sort like a criterion's scores, so that a selection is exact and the same on every machine.

A score's magnitude needs no arithmetic: without its sign, a float's bit pattern is an integer that sorts like the
absolute value, NaN above infinity. So keys are the scores' own bits, and the sign bit of a key does not count.
(Protocol rules 1 and 2.)
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch import Tensor

from suite.protocol import KEY_BYTES

INTEGER = {torch.float16: torch.int16, torch.bfloat16: torch.int16, torch.float32: torch.int32}


def magnitude_keys(scores: Tensor) -> Tensor:
    """Keys of |x|, of weights or scores: the same memory, seen as int16 or int32 (a copy, where it is not contiguous).

    Raises:
        TypeError: another dtype; its bits are not known to sort.
    """
    if scores.dtype not in INTEGER:
        raise TypeError(f"magnitude keys want float16, bfloat16 or float32, not {scores.dtype}")
    return scores.detach().contiguous().view(INTEGER[scores.dtype])


def random_keys(shape: torch.Size, seed: int, name: str) -> Tensor:
    """Uniform int32 keys for the tensor called `name`, on the CPU; none is negative.

    NumPy's Philox is counter-based and its raw output fixed by NumPy's compatibility policy: the keys depend on the
    seed and the tensor's name alone.
    """
    key = int.from_bytes(hashlib.sha256(f"lottery/random/{seed}/{name}".encode()).digest()[:KEY_BYTES], "little")
    count = shape.numel()
    words = np.random.Philox(key=key).random_raw((count + 1) // 2).astype("<u8", copy=False)
    words &= np.uint64(0x7FFFFFFF7FFFFFFF)
    return torch.from_numpy(words.view("<i4")[:count]).view(shape)
