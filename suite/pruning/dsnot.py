"""DSnoT: swap removed weights for kept ones until a row's expected output is what it was (Zhang et al., ICLR 2024).

arXiv 2310.08915. From Wanda's mask on, row by row: with m_j the sum of input j over a window, averaged over windows,
d_ij = w_ij m_j is what a weight adds to its output, and the error e of a row is the sum of d over what was removed.
While |e| exceeds a threshold, the removed weight that undoes most of it for the variance of its input comes back, and
of the kept weights that undo it by going the one of the lowest Wanda score goes. No weight is swapped twice, and no
weight's value changes.

Paper and code differ. The paper's rule ends a row once its error has changed sign, which the code does not test unless
it is told to; the code leaves the layers of the MLP as Wanda has them; and where a row has no kept weight left that
undoes the error, the code goes on to those that add to it, highest scores first. Its lists of candidates end as well,
which it does not test for: on narrow layers its rows go on to other weights, and zeros are too many, or it fails. Here
a row ends where it has no candidate left, and every row loses as many weights as it was to lose.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from suite.protocol import DSNOT_THRESHOLD
from suite.pruning.amount import Choice
from suite.pruning.criteria import Variant
from suite.pruning.wanda import wanda_scores

SKIPPED = "mlp"  # layers that have this in their names are left as they are by the authors' code
AT_ONCE = 2**20  # weights whose rows are refined together


class Fed(NamedTuple):
    """Of each input, averaged over windows, float32 [inputs]: the root of its mean squared norm, its sum over a
    window's tokens, and its variance within a window."""

    norms: Tensor
    sums: Tensor
    variances: Tensor


def averaged(moments: Tensor) -> Fed:
    """What there is to know of a layer's inputs, from `suite.models.statistics.moments`, [4, inputs]."""
    squares, sums, variances = moments[:3] / moments[3]
    return Fed(squares.sqrt(), sums, variances)


def dsnot(
    weight: Tensor, fed: Fed, choose: Choice, variant: Variant, cycles: int
) -> tuple[Tensor, None, Mapping[str, int]]:
    """Remove the weights of the lowest Wanda scores, then swap.

    Args:
        weight: [outputs, inputs], as stored; left as it is.
        fed: of the layer's inputs.
        choose: says which weights go by their scores.
        variant: `paper` or `code`.
        cycles: how many swaps a row makes at most.

    Returns:
        What was removed (bool [outputs, inputs]), no corrections, and how many swaps were made, and how many rows ended
        for want of candidates.
    """
    removed = choose(wanda_scores(weight, fed.norms))
    swaps = ended = 0
    if variant == "paper" or SKIPPED not in choose.name:
        rows = max(1, AT_ONCE // weight.shape[1])
        for some, gone in zip(weight.split(rows), removed.split(rows), strict=True):
            made, out = _swap(some.float(), gone, fed, cycles, choose.group, as_coded=variant == "code")
            swaps, ended = swaps + made, ended + out
    return removed, None, {"swaps": swaps, "rows that ended for want of weights to swap": ended}


def _swap(weight: Tensor, removed: Tensor, fed: Fed, cycles: int, group: int | None, as_coded: bool) -> tuple[int, int]:
    """Swap weights of some rows; `removed` is changed in place. How many swaps, and how many rows ran out.

    Of a pattern, what comes back and what goes are of one group, so that it keeps its number.
    """
    effects = weight * fed.sums
    gains = (effects / fed.variances).nan_to_num_(nan=0.0)  # an input that is always zero has no effect, and no gain
    scores = wanda_scores(weight, fed.norms)
    errors = torch.where(removed, effects, 0).sum(1)
    signs, active = errors.sign(), torch.ones_like(errors, dtype=torch.bool)
    fresh, every = torch.ones_like(removed), torch.arange(len(weight), device=weight.device)
    groups = None if group is None else torch.arange(weight.shape[1], device=weight.device) // group
    swaps = ended = 0
    for _ in range(cycles):
        side = errors.sign()
        active &= errors.abs() > DSNOT_THRESHOLD
        active &= (side == signs) | as_coded
        if not active.any():
            break
        gain, back = torch.where(removed & fresh, gains * side[:, None], -torch.inf).max(1)
        kept = ~removed & fresh
        if groups is not None:
            kept &= groups == groups[back][:, None]
        helpful = kept & (effects * side[:, None] < 0)
        score, out = torch.where(helpful, scores, torch.inf).min(1)
        able = score < torch.inf
        if as_coded:
            score, other = torch.where(kept, scores, -torch.inf).max(1)
            able, out = score > -torch.inf, torch.where(able, out, other)
        able &= gain > 0
        ended += int((active & ~able).sum())
        active &= able
        row, back, out = every[active], back[active], out[active]
        errors[row] += effects[row, out] - effects[row, back]
        removed[row, back], removed[row, out] = False, True
        fresh[row, back], fresh[row, out] = False, False
        swaps += len(row)
    return swaps, ended
