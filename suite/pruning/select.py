"""Selection: which weights go, exactly as many as asked, ties by lowest flat index.

One counting pass over 15-bit keys, or two over 31-bit keys, gives the threshold; no sort and no copy of the scores is
made, and one tensor of keys is held at a time. A selection is a bool tensor, True where a weight goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

_LOW_BITS = 15  # 31-bit keys are counted by their upper 16 bits, then by their lower 15
_PIECE = 2**24  # keys at a time, of which an index of int64 takes 128 MiB

Keys = Callable[[], Iterable[Tensor]]  # called once a pass: the same tensors in the same order each time


def select_lowest(keys: Keys, count: int) -> Iterator[Tensor]:
    """The `count` lowest keys over all tensors together; ties go in the order of tensors, then of flat indices.

    Args:
        keys: gives int16 (below 2**15) or int32 (below 2**31) tensors of any shape, all of one dtype.
        count: how many to select, from 0 to the number of keys.

    Yields:
        For each tensor of keys a bool tensor of its shape, on its device: exactly `count` True in all.

    Raises:
        ValueError: `count` is negative or more than there are.
    """
    if count < 0:
        raise ValueError(f"cannot select {count} weights")
    if count == 0:
        yield from (torch.zeros_like(key, dtype=torch.bool) for key in keys())
        return
    threshold, below = _threshold(keys, count)
    ties = count - below  # of those equal to the threshold, the first in order go too
    for key in keys():
        selected = key < threshold
        if ties:
            at_threshold = torch.nonzero(key.reshape(-1) == threshold).reshape(-1)[:ties]
            selected.view(-1)[at_threshold] = True
            ties -= at_threshold.numel()
        yield selected


def select_lowest_in_rows(key: Tensor, count: int) -> Tensor:
    """The `count` lowest keys of each row of a matrix [rows, columns]; a bool tensor of its shape."""
    rows, columns = key.shape
    if not 0 <= count <= columns:
        raise ValueError(f"cannot select {count} of {columns} weights of a row")
    selected = torch.zeros_like(key, dtype=torch.bool)
    chunk = max(1, _PIECE // columns)
    for start in range(0, rows, chunk):
        order = key[start : start + chunk].sort(dim=1, stable=True).indices[:, :count]
        selected[start : start + chunk].scatter_(1, order, True)
    return selected


def select_lowest_in_groups(key: Tensor, count: int, width: int) -> Tensor:
    """The `count` lowest keys of every `width` neighbours of a row (N:M sparsity); a bool tensor of the keys' shape.

    Raises:
        ValueError: `width` does not divide the rows, and the tail would be no group (protocol rule 8).
    """
    columns = key.shape[1]
    if columns % width:
        raise ValueError(f"rows of {columns} weights are no whole groups of {width}")
    return select_lowest_in_rows(key.reshape(-1, width), count).view_as(key)


def select_at_or_below(key: Tensor, rank: int) -> Tensor:
    """Every key up to the one at place `rank` (from 0) of the sorted keys, ties included: as published code counts.

    Removes at least `rank + 1` weights. (Wanda's repository: `W_metric <= sort(W_metric)[int(n * s)]`.)
    """
    threshold, _ = _threshold(lambda: (key,), rank + 1)
    return key <= threshold


def _threshold(keys: Keys, count: int) -> tuple[int, int]:
    """The `count`-th lowest key, and how many keys lie below it."""
    counts = torch.zeros(2**16, dtype=torch.int64)
    for key in _pieces(keys):
        wide = key.dtype == torch.int32
        counts += torch.bincount(key >> _LOW_BITS if wide else key, minlength=2**16).cpu()
    if (total := int(counts.sum())) < count:
        raise ValueError(f"cannot select {count} of {total} weights")
    high, below = _crossing(counts, count)
    if not wide:
        return high, below
    counts = torch.zeros(2**_LOW_BITS, dtype=torch.int64)
    for key in _pieces(keys):
        within = key[(key >> _LOW_BITS) == high] & (2**_LOW_BITS - 1)
        counts += torch.bincount(within, minlength=2**_LOW_BITS).cpu()
    low, below_within = _crossing(counts, count - below)
    return (high << _LOW_BITS) + low, below + below_within


def _pieces(keys: Keys) -> Iterator[Tensor]:
    """All keys, flat and a few at a time: what is worked out of them takes little room beside them."""
    for key in keys():
        yield from key.reshape(-1).split(_PIECE)


def _crossing(counts: Tensor, count: int) -> tuple[int, int]:
    """The first bin at which the running sum reaches `count`, and the sum before it."""
    running = counts.cumsum(0)
    bin_ = int(torch.searchsorted(running, count))
    return bin_, int(running[bin_] - counts[bin_])
