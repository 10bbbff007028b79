"""The key at a rank, exactly, without a sort and without a copy of the keys.

A sample tells two keys between which it almost surely lies. One pass counts the keys below, and gathers the few that
lie between; those equal to one of the two are only counted, so that many equal keys need no room. Where the sample
misled, the keys are counted by their bits, and the answer is the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from suite.pruning.pieces import Array, around, count, each_piece, histogram, on_host

Keys = Callable[[], Iterable[Tensor]]  # called once a pass: the same tensors in the same order each time

STRIDE, RUN = 256, 2  # of so many keys so many neighbours are sampled, which cost what one would
SIGMAS = 4  # standard deviations of a sample's rank, on either side
_LOW_BITS = 15  # 31-bit keys are counted by their upper 16 bits, then by their lower 15


class Threshold(NamedTuple):
    """A key, how many keys are lower, and how many are equal to it: of each tensor, in each of its pieces."""

    key: int
    below: int
    equal: list[list[int]]


class _Near(NamedTuple):
    """What a piece has below two keys, equal to either, and the keys between them."""

    below: int
    at_low: int
    at_high: int
    between: NDArray[np.integer]


def threshold(keys: Keys, rank: int) -> Threshold:
    """The key at a rank, from 1, among all tensors' keys.

    Args:
        keys: gives int16 or int32 tensors, contiguous and all of one dtype. Their sign bits do not count.

    Raises:
        ValueError: there are fewer keys.
    """
    found = _between(keys, rank, *_interval(keys, rank))
    if found is None:
        key = _counted(keys, rank)
        found = _between(keys, rank, key, key)
    assert found is not None, "keys are the same in every pass"
    return found


def _interval(keys: Keys, rank: int) -> tuple[int, int]:
    """Two keys between which that of a rank lies, as far as a sample can tell.

    Raises:
        ValueError: there are fewer keys.
    """
    samples, total, largest = [], 0, 0
    for key in keys():
        total += key.numel()
        largest = torch.iinfo(key.dtype).max
        samples.append(on_host(_sampled(key)) & largest)
    if rank > total:
        raise ValueError(f"cannot select {rank} of {total} weights")
    sample = np.concatenate(samples)
    size, share = len(sample), rank / total
    margin = SIGMAS * math.sqrt(size * share * (1 - share)) + 1
    first, last = math.floor(size * share - margin), math.ceil(size * share + margin)
    low, high = 0, largest
    if last < size:  # one place after the other, which NumPy is many times faster at than at both at once
        sample.partition(last)
        high, sample = int(sample[last]), sample[:last]
    if first >= 0:
        sample.partition(first)
        low = int(sample[first])
    return low, high


def _sampled(key: Tensor) -> Tensor:
    """Runs of keys at even distances that come to every column as often: what a column is fed may set it apart."""
    flat, columns = key.view(-1), max(1, key.shape[-1])
    if len(flat) < STRIDE * RUN:
        return flat
    stride = next(stride for stride in range(STRIDE, 2 * STRIDE) if math.gcd(stride, columns) == 1)
    return flat[: len(flat) // stride * stride].view(-1, stride)[:, :RUN].reshape(-1)


def _between(keys: Keys, rank: int, low: int, high: int) -> Threshold | None:
    """The key at a rank, if it is one of these two or lies between them."""

    def near(_: int, bits: Array) -> _Near:
        key = bits & largest
        lower = key < low
        some = around(key, lower ^ (key <= high))
        return _Near(
            count(lower),
            count(some == low),
            count(some == high) if high > low else 0,
            some[np.flatnonzero((some > low) & (some < high))],
        )

    found: list[list[_Near]] = []
    for key in keys():
        largest = torch.iinfo(key.dtype).max
        found.append(each_piece(near, key))
    pieces = [near for tensor in found for near in tensor]
    below = sum(near.below for near in pieces)
    if rank <= below:
        return None
    lower = below + sum(near.at_low for near in pieces)
    if rank <= lower:
        return Threshold(low, below, [[near.at_low for near in tensor] for tensor in found])
    between = np.concatenate([near.between for near in pieces])
    if (place := rank - lower - 1) < len(between):
        between.partition(place)
        exact = between[place]
        equal = [[count(near.between == exact) for near in tensor] for tensor in found]
        return Threshold(int(exact), lower + count(between < exact), equal)
    lower += len(between)
    if rank > lower + sum(near.at_high for near in pieces):
        return None
    return Threshold(high, lower, [[near.at_high for near in tensor] for tensor in found])


def _counted(keys: Keys, rank: int) -> int:
    """The key at a rank, by one counting pass over 15-bit keys or two over 31-bit keys."""
    wide = next(iter(keys())).dtype == torch.int32
    largest = 2**31 - 1 if wide else 2**15 - 1

    def upper(_: int, bits: Array) -> NDArray[np.int64]:
        key = bits & largest
        return histogram(key >> _LOW_BITS if wide else key, 2**16)

    def lower(_: int, bits: Array) -> NDArray[np.int64]:
        key = bits & largest
        return histogram(key[(key >> _LOW_BITS) == high] & (2**_LOW_BITS - 1), 2**_LOW_BITS)

    def counts(of: Callable[[int, Array], NDArray[np.int64]]) -> NDArray[np.int64]:
        return sum((one for key in keys() for one in each_piece(of, key)), np.zeros(1, np.int64))

    high, below = _crossing(counts(upper), rank)
    if not wide:
        return high
    low, _ = _crossing(counts(lower), rank - below)
    return (high << _LOW_BITS) + low


def _crossing(counts: NDArray[np.int64], rank: int) -> tuple[int, int]:
    """The first bin at which the running sum reaches `rank`, and the sum before it."""
    running = counts.cumsum()
    bin_ = int(np.searchsorted(running, rank))
    return bin_, int(running[bin_] - counts[bin_])
