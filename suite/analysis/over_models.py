"""The mean of something over models, with its interval: what differs from model to model is what counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

import numpy as np
from scipy.special import stdtrit

from suite.analysis.values import Bounds, NotMeasured
from suite.protocol import FEWEST_MODELS
from suite.records.schema import Interval

TOO_FEW = NotMeasured("fewer models than an interval over models needs")


def mean_over_models(values: Sequence[float], level: float) -> Bounds:
    """The t-interval of the mean of models' values (n - 1 degrees of freedom)."""
    if len(values) < FEWEST_MODELS:
        return TOO_FEW
    half = float(stdtrit(len(values) - 1, (1 + level) / 2)) * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    middle = fmean(values)
    return Interval(low=middle - half, high=middle + half, level=level)
