"""What is gathered of a layer's inputs, sample by sample, for the criteria that look at them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from suite.pruning.criteria import CRITERIA
from suite.pruning.resolve import prepare_of

Gather = Callable[[Tensor | None, Tensor], Tensor]  # the statistic so far, inputs [tokens, width] -> the statistic
Finish = Callable[[Tensor], Any]  # the statistic over all tokens, which may be overwritten -> what is asked for


def squared_norms(so_far: Tensor | None, inputs: Tensor) -> Tensor:
    """The squared Euclidean norm of each input over all tokens, float32 [width]: what Wanda wants, squared."""
    found = inputs.float().square().sum(0)
    return found if so_far is None else so_far + found


def gram(so_far: Tensor | None, inputs: Tensor) -> Tensor:
    """X X^T over all tokens, float32 [width, width]: what SparseGPT wants."""
    wide = inputs.float()
    return wide.T @ wide if so_far is None else so_far.addmm_(wide.T, wide)


def moments(so_far: Tensor | None, inputs: Tensor) -> Tensor:
    """What DSnoT wants, float32 [4, 1, width], summed over windows: the squared norm of each input in a window, its sum
    over the window's tokens, its variance within the window (of a population), and a one."""
    wide = inputs.float()
    each = wide.square().sum(0), wide.sum(0), wide.var(0, correction=0), torch.ones_like(wide[0])
    found = torch.stack(each)[:, None]
    return found if so_far is None else so_far + found


STATISTICS: dict[str, tuple[Gather, Finish]] = {
    "norms": (squared_norms, Tensor.sqrt_),
    "moments": (moments, lambda statistic: statistic),
    "gram": (gram, lambda statistic: statistic),
}


def sizes_of(statistic: Tensor) -> Tensor:
    """A squared norm of each input, [width], or a norm: zero where it was never anything else, and not finite where
    the statistic is not. No entry of a Gram matrix is larger than the two of its row and column on the diagonal."""
    return {1: lambda: statistic, 2: statistic.diagonal, 3: lambda: statistic[0, 0]}[statistic.dim()]()


def statistic_of(criterion: str) -> tuple[Gather, Finish] | None:
    """How a criterion comes by what it wants of a layer's inputs: gathered sample by sample, then finished.

    None where it looks at nothing. Of a layer that was fed nothing but zeros there is nothing to finish: None comes of
    it.
    """
    made = CRITERIA[criterion]
    if made.wants not in STATISTICS:
        return None
    gather, usual = STATISTICS[made.wants]
    finish = prepare_of(criterion) or usual
    return gather, lambda statistic: finish(statistic) if bool(sizes_of(statistic).any()) else None
