"""Iterative pruning: a mask that loses a share of what it still keeps, level after level (Frankle & Carbin 2018)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from suite.pruning.keys import magnitude_keys, random_keys
from suite.pruning.select import select_lowest

Mask = dict[str, Tensor]  # bool by parameter, True = survives


def smaller(mask: Mapping[str, Tensor], values: Mapping[str, Tensor], count: int) -> Mask:
    """The mask without the `count` survivors of the smallest magnitude, over all tensors together.

    Ties go in the order of the mask's names, then of flat indices. What was removed stays removed.

    Args:
        values: float32 tensors by the mask's names, trained under it.

    Raises:
        ValueError: fewer than `count` survive.
    """
    chosen = select_lowest(lambda: (magnitude_keys(values[name][kept]) for name, kept in mask.items()), count)
    found: Mask = {}
    for (name, kept), gone in zip(mask.items(), chosen, strict=True):
        found[name] = kept.clone()
        found[name][kept] = ~gone
    return found


def shuffled(mask: Mapping[str, Tensor], seed: int) -> Mask:
    """A random mask that keeps as many weights of each tensor: what is left of a mask when only its densities count."""
    found: Mask = {}
    for name, kept in mask.items():
        keys = random_keys(kept.shape, seed, name)
        (gone,) = select_lowest(lambda: [keys], int((~kept).sum()))  # noqa: B023 - it is asked at once
        found[name] = ~gone
    return found


def overlap(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> tuple[float, float]:
    """The share of one mask's survivors that the other keeps too, and what chance would give masks of their densities,
    tensor by tensor."""
    both = sum(int((kept & other[name]).sum()) for name, kept in one.items())
    whole = sum(int(kept.sum()) for kept in one.values())
    expected = sum(
        float(kept.sum(dtype=torch.float64) * other[name].sum(dtype=torch.float64)) / kept.numel()
        for name, kept in one.items()
    )
    return both / whole, expected / whole
