"""Keys: integers that sort like a criterion's scores, so that a selection is exact and the same on every machine.

A weight's magnitude needs no arithmetic: without its sign, a float's bit pattern is an integer that sorts like the
absolute value. Keys are non-negative; NaN sorts above infinity. (Protocol rules 1 and 2.)
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch import Tensor

KEY_BITS = {torch.float16: 15, torch.bfloat16: 15, torch.float32: 31}


def magnitude_keys(weight: Tensor) -> Tensor:
    """Keys of |w|: int16 below 2**15 for 16-bit weights, int32 below 2**31 for float32; shape and device of `weight`.

    Raises:
        TypeError: another dtype; its bits are not known to sort.
    """
    if weight.dtype not in KEY_BITS:
        raise TypeError(f"magnitude keys want float16, bfloat16 or float32 weights, not {weight.dtype}")
    integer = torch.int16 if KEY_BITS[weight.dtype] == 15 else torch.int32
    return weight.detach().contiguous().view(integer) & torch.iinfo(integer).max


def score_keys(scores: Tensor) -> Tensor:
    """Keys of non-negative scores, which are their own bits: the same memory, seen as int16 or int32.

    Raises:
        TypeError: another dtype; its bits are not known to sort.
    """
    if scores.dtype not in KEY_BITS:
        raise TypeError(f"scores are float16, bfloat16 or float32, not {scores.dtype}")
    return scores.contiguous().view(torch.int16 if KEY_BITS[scores.dtype] == 15 else torch.int32)


def random_keys(shape: torch.Size, seed: int, name: str) -> Tensor:
    """Uniform int32 keys below 2**31 for the tensor called `name`, on the CPU.

    NumPy's Philox is counter-based and its raw output fixed by NumPy's compatibility policy: the keys depend on the
    seed and the tensor's name alone.
    """
    key = int.from_bytes(hashlib.sha256(f"lottery/random/{seed}/{name}".encode()).digest()[:16], "little")
    count = shape.numel()
    words = np.random.Philox(key=key).random_raw((count + 1) // 2).astype("<u8", copy=False)
    return torch.from_numpy((words.view("<u4")[:count] & 0x7FFFFFFF).astype(np.int32)).view(shape)
