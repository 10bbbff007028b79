"""Selection: which weights go, exactly as many as asked, ties by lowest flat index.

Keys are integers whose sign bit does not count (see `suite.pruning.keys`). A selection is a bool tensor, True where a
weight goes, on the device of the keys; one tensor of keys is held at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

import torch
from torch import Tensor

from suite.pruning.pieces import Array, each_piece, integers, less_equal, lowest_in_rows, places
from suite.pruning.threshold import Keys, threshold


def select_lowest(keys: Keys, count: int) -> Iterator[Tensor]:
    """The `count` lowest keys over all tensors together; ties go in the order of tensors, then of flat indices.

    Args:
        keys: gives int16 or int32 tensors of any shape, contiguous, all of one dtype.
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
    highest, below, equal = threshold(keys, count)
    ties = count - below  # of those equal to the highest that goes, the first in order
    for key, equal_in in zip(keys(), equal, strict=True):
        left = [max(0, ties - before) for before in accumulate(equal_in, initial=0)]
        due = list(map(min, left, equal_in))
        ties = left[-1]
        yield _at_or_below(key, highest, due, equal_in)


def select_lowest_in_rows(key: Tensor, count: int) -> Tensor:
    """The `count` lowest keys of each row of a matrix [rows, columns]; a bool tensor of its shape."""
    columns = key.shape[1]
    if not 0 <= count <= columns:
        raise ValueError(f"cannot select {count} of {columns} weights of a row")
    selected = torch.zeros_like(key, dtype=torch.bool)
    if count == 0 or not len(key):
        return selected
    largest = torch.iinfo(key.dtype).max

    def select(_: int, bits: Array, selected: Array) -> None:
        selected[:] = lowest_in_rows((bits & largest).reshape(-1, columns), count).reshape(-1)

    each_piece(select, key, selected, whole=columns)
    return selected


def select_lowest_in_groups(key: Tensor, count: int, width: int) -> Tensor:
    """The `count` lowest keys of every `width` neighbours of a row (N:M sparsity); a bool tensor of the keys' shape.

    Raises:
        ValueError: `width` does not divide the rows, and the tail would be no group (protocol rule 8).
    """
    columns = key.shape[1]
    if columns % width:
        raise ValueError(f"rows of {columns} weights are no whole groups of {width}")
    selected = torch.empty_like(key, dtype=torch.bool)
    largest = torch.iinfo(key.dtype).max

    def select(_: int, bits: Array, selected: Array) -> None:
        members = [bits[place::width] & largest for place in range(width)]
        for place, member in enumerate(members):
            # Of every pair one goes before the other; of equals the first.
            before = sum(
                integers(other <= member if earlier < place else other < member)
                for earlier, other in enumerate(members)
                if earlier != place
            )
            selected[place::width] = before < count

    each_piece(select, key, selected, whole=width)
    return selected


def select_at_or_below(key: Tensor, rank: int) -> Tensor:
    """Every key up to the one at place `rank` (from 0) of the sorted keys, ties included: as published code counts.

    Removes at least `rank + 1` weights. (Wanda's repository: `W_metric <= sort(W_metric)[int(n * s)]`.)
    """
    highest, _, (equal,) = threshold(lambda: (key,), rank + 1)
    return _at_or_below(key, highest, equal, equal)


def _at_or_below(key: Tensor, highest: int, due: list[int], equal: list[int]) -> Tensor:
    """The keys below `highest`, and in each piece the first `due` of those `equal` to it."""
    largest = torch.iinfo(key.dtype).max
    selected = torch.empty_like(key, dtype=torch.bool)

    def select(index: int, bits: Array, selected: Array) -> None:
        found = bits & largest
        if due[index] == equal[index]:
            less_equal(found, highest, selected)
            return
        less_equal(found, highest - 1, selected)
        if due[index]:
            selected[places(found == highest)[: due[index]]] = True

    each_piece(select, key, selected)
    return selected
