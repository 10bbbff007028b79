"""The 95 % interval of a perplexity ratio (protocol rule 13).

Windows of one text are correlated, so their differences are first averaged in consecutive batches, and a t-interval is
taken over the batch means. It covers the text only: seeds are a separate spread.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from suite.protocol import BATCHES, FEWEST_WINDOWS, LEVEL
from suite.records.schema import Interval


def ratio_interval(nll: Sequence[float], dense_nll: Sequence[float], level: float = LEVEL) -> Interval | None:
    """The interval of exp(mean(nll) - mean(dense_nll)) from the windows' mean losses, nats, in the text's order.

    Args:
        level: the coverage; a claim of several comparisons asks for more than 0.95 of each.

    Returns:
        None with fewer than 40 windows, or where the windows are not the same ones.
    """
    if len(nll) < FEWEST_WINDOWS or len(nll) != len(dense_nll):
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
