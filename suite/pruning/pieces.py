"""A tensor's elements a piece at a time, so that what is worked out of them stays in a core's cache.

On the processor a piece is a NumPy array, and as many threads as torch uses take one after the other: NumPy lets go of
the interpreter while it works, and what it makes of a piece is read again before it has left the cache. On a GPU a
piece is a tensor, and a large one. What is done to a piece is written once, in the operators that both know; the few
that they spell differently are here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

PIECE = 2**19  # elements: of 16 bits a MiB, and as much again for what is made of them. Threads take turns at the
# interpreter between two steps, and with shorter steps they would wait for each other.
PIECE_ON_GPU = 2**26
GROUP = 8  # bool that are looked at as one integer
SORTED = 2**24  # keys at once, of which a sort's indices take 128 MiB

Array = Any  # flat, integers or bool: a NumPy array on the processor, a tensor on a GPU
T = TypeVar("T")


def each_piece(work: Callable[..., T], *tensors: Tensor, whole: int = 8) -> list[T]:
    """What `work` makes of each piece of some tensors, in the order of pieces.

    Args:
        work: given the number of the piece, and that piece of every tensor, which it may write to. It is called in
            several threads at once.
        tensors: of as many elements, contiguous, and all on the processor or all on one GPU.
        whole: every piece but the last has a multiple of so many elements.
    """
    flat: list[Array] = [tensor.detach().view(-1) for tensor in tensors]
    on_gpu = _on_gpu(flat[0])
    length = max(1, (PIECE_ON_GPU if on_gpu else PIECE) // whole) * whole
    if not on_gpu:
        flat = [tensor.numpy() for tensor in flat]
    starts = range(0, len(flat[0]), length)
    found: dict[int, T] = {}
    left = enumerate(starts)  # shared by the threads: each takes the next piece when it is done with one

    def take() -> None:
        for index, start in left:
            found[index] = work(index, *(array[start : start + length] for array in flat))

    others = 0 if on_gpu else min(torch.get_num_threads(), len(starts)) - 1
    helpers = [_threads(others).submit(take) for _ in range(others)]
    try:
        take()
    finally:  # nobody writes to the tensors any more when this returns, however it does
        for helper in helpers:
            if not helper.cancel():
                helper.result()
    return [found[index] for index in range(len(starts))]


def _on_gpu(tensor: Tensor) -> bool:
    return tensor.device.type != "cpu"


@cache
def _threads(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix="pieces")


os.register_at_fork(after_in_child=_threads.cache_clear)  # a child has none of its parent's threads


def count(true: Array) -> int:
    """How many of a bool array are True, or of integers are not zero."""
    return int(np.count_nonzero(true) if isinstance(true, np.ndarray) else torch.count_nonzero(true))


def places(true: Array) -> Array:
    """Where a bool array is True, in order."""
    return np.flatnonzero(true) if isinstance(true, np.ndarray) else true.nonzero(as_tuple=True)[0]


def around(array: Array, true: Array) -> NDArray[Any]:
    """The elements where a bool array is True, in order, on the host: on the processor with their neighbours.

    Where they are few, it is faster to take all of a group of which one is asked for than to look at each place.
    """
    if not isinstance(array, np.ndarray):
        return on_host(array[places(true)])
    whole = len(array) // GROUP * GROUP
    groups = np.flatnonzero(true[:whole].view(np.uint64) != 0)
    found = array[:whole].view(np.dtype((np.void, GROUP * array.itemsize))).take(groups).view(array.dtype)
    return np.concatenate([found, array[whole:]]) if whole < len(array) else found


def less_equal(keys: Array, highest: int, out: Array) -> None:
    """Which keys are at most `highest`, into a bool array that is there."""
    (np if isinstance(keys, np.ndarray) else torch).less_equal(keys, highest, out=out)


def integers(true: Array) -> Array:
    """A bool array as one of 8-bit integers, 1 where it is True."""
    return true.view(np.int8 if isinstance(true, np.ndarray) else torch.int8)


def lowest_in_rows(keys: Array, number: int) -> Array:
    """The `number` lowest, at least one, of each row of a matrix: bool of its shape; of equal ones the first go."""
    if not isinstance(keys, np.ndarray):
        lowest = torch.zeros_like(keys, dtype=torch.bool)
        rows = max(1, SORTED // keys.shape[1])
        for some, found in zip(keys.split(rows), lowest.split(rows), strict=True):
            found.scatter_(1, some.sort(dim=1, stable=True).indices[:, :number], True)
        return lowest
    highest = np.partition(keys, number - 1, axis=1)[:, number - 1 : number]
    lower, equal = keys < highest, keys == highest
    due = number - np.count_nonzero(lower, axis=1)
    tied = np.flatnonzero(np.count_nonzero(equal, axis=1) > due)
    equal[tied] &= np.cumsum(equal[tied], axis=1) <= due[tied, None]
    return lower | equal


def histogram(integers: Array, bins: int) -> NDArray[np.int64]:
    """How often each integer from 0 to `bins` - 1 occurs, on the host."""
    if isinstance(integers, np.ndarray):
        return np.bincount(integers, minlength=bins)
    return on_host(torch.bincount(integers, minlength=bins))


def pack(true: Array) -> NDArray[np.uint8]:
    """A bit an element, the first in the highest bit of its byte, on the host."""
    if isinstance(true, np.ndarray):
        return np.packbits(true)
    whole = torch.nn.functional.pad(true, (0, -len(true) % 8))
    # Eight bytes of 0 or 1 are one integer; a product gathers them in its highest byte, a bit each.
    return on_host((whole.view(torch.int64) * _GATHER >> 56).to(torch.uint8))


_GATHER = 0x8040201008040201 - 2**64  # as a signed integer


def on_host(array: Array) -> NDArray[Any]:
    """The same as a NumPy array."""
    return array if isinstance(array, np.ndarray) else array.cpu().numpy()
