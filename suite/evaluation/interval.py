"""The 95 % interval of a perplexity ratio (protocol rule 13).

Neighbouring windows of one text are correlated, so their differences are first averaged in consecutive batches, and a
t-interval is taken over the batch means. Fewer windows are enough where they lie apart, spread over a long text. The
interval covers the text only: seeds are a separate spread.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from suite.protocol import BATCHES, FEWEST_SPREAD_WINDOWS, FEWEST_WINDOWS, LEVEL, TEXT_PER_SPREAD_WINDOW
from suite.records.schema import Interval


def enough_windows(windows: int, text_windows: int | None = None) -> bool:
    """Whether an interval can be had from so many windows.

    Args:
        text_windows: how many the whole text has, where the windows are spread evenly over it; None: they are
            neighbours.
    """
    if windows >= FEWEST_WINDOWS:
        return True
    return windows >= FEWEST_SPREAD_WINDOWS and (text_windows or 0) >= TEXT_PER_SPREAD_WINDOW * windows


def ratio_interval(
    nll: Sequence[float], dense_nll: Sequence[float], level: float = LEVEL, text_windows: int | None = None
) -> Interval | None:
    """The interval of exp(mean(nll) - mean(dense_nll)) from the windows' mean losses, nats, in the text's order.

    Args:
        level: the coverage; a claim of several comparisons asks for more than 0.95 of each.
        text_windows: as `enough_windows` has it.

    Returns:
        None with too few windows, or where the windows are not the same ones.
    """
    if not enough_windows(len(nll), text_windows) or len(nll) != len(dense_nll):
        return None
    differences = np.asarray(nll, dtype=np.float64) - np.asarray(dense_nll, dtype=np.float64)
    low, high = mean_interval(differences, level)
    return Interval(low=math.exp(low), high=math.exp(high), level=level)


def mean_interval(values: NDArray[np.float64], level: float = LEVEL) -> tuple[Any, Any]:
    """The interval of the mean of correlated values [..., windows], in their order; both ends are of shape [...]."""
    means = np.stack([batch.mean(axis=-1) for batch in np.array_split(values, BATCHES, axis=-1)], axis=-1)
    half = stdtrit(BATCHES - 1, (1 + level) / 2) * means.std(axis=-1, ddof=1) / math.sqrt(BATCHES)
    middle = values.mean(axis=-1)
    return middle - half, middle + half
