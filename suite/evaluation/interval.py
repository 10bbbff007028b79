"""The 95 % interval of a perplexity ratio (protocol rule 13).

Windows of one text are correlated, so their differences to the dense model are first averaged in about ten consecutive
batches, and a t-interval is taken over the batch means. It covers the text only: seeds are a separate spread.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from suite.records.schema import Interval

FEWEST_WINDOWS = 40  # with fewer, the answer is that it cannot be told
BATCHES = 10
T_95 = 2.262157  # two-sided 95 % quantile of Student's t with BATCHES - 1 degrees of freedom


def ratio_interval(nll: Sequence[float], dense_nll: Sequence[float]) -> Interval | None:
    """The interval of exp(mean(nll) - mean(dense_nll)) from the windows' mean losses, nats, in the text's order.

    Returns:
        None with fewer than 40 windows, or where the windows are not the same ones.
    """
    if len(nll) < FEWEST_WINDOWS or len(nll) != len(dense_nll):
        return None
    differences = np.asarray(nll, dtype=np.float64) - np.asarray(dense_nll, dtype=np.float64)
    means = np.array([batch.mean() for batch in np.array_split(differences, BATCHES)])
    half = T_95 * float(means.std(ddof=1)) / math.sqrt(BATCHES)
    middle = float(differences.mean())
    return Interval(low=math.exp(middle - half), high=math.exp(middle + half))
