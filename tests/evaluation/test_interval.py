"""The interval of the ratio to dense covers what it says, and is not given where it could not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from suite.evaluation.interval import mean_interval, ratio_interval

TRIALS = 20_000


@pytest.mark.parametrize("correlation", [0.0, 0.2, 0.4])
@pytest.mark.parametrize("windows", [40, 61, 100, 166, 300])
def test_it_covers_the_truth_as_often_as_it_says(correlation: float, windows: int) -> None:
    """An AR(1) process of unit variance; 91.5 to 98 % of the intervals must hold its mean."""
    noise = np.random.default_rng(windows).normal(size=(TRIALS, windows))
    for column in range(1, windows):
        noise[:, column] = correlation * noise[:, column - 1] + math.sqrt(1 - correlation**2) * noise[:, column]
    low, high = mean_interval(noise)
    assert 0.915 <= float(((low <= 0) & (high >= 0)).mean()) <= 0.98


def test_the_ratio_is_that_of_the_mean_difference() -> None:
    draw = np.random.default_rng(0)
    dense = draw.normal(1.0, 0.1, 61)
    difference = draw.normal(0.3, 0.05, 61)
    interval = ratio_interval(list(dense + difference), list(dense))
    assert interval is not None
    low, high = mean_interval(difference)
    assert interval.low == pytest.approx(math.exp(low))
    assert interval.high == pytest.approx(math.exp(high))
    wider = ratio_interval(list(dense + difference), list(dense), level=0.99)
    assert wider is not None
    assert wider.low < interval.low < interval.high < wider.high
    assert wider.level == 0.99


def test_with_fewer_than_40_windows_it_cannot_be_told() -> None:
    assert ratio_interval([0.1] * 39, [0.0] * 39) is None
    assert ratio_interval([0.1] * 40, [0.0] * 40) is not None


@pytest.mark.parametrize("windows, text_windows, enough", [(16, 64, True), (16, 63, False), (15, 600, False)])
def test_fewer_windows_are_enough_where_they_lie_apart(windows, text_windows, enough):
    found = ratio_interval([0.1] * windows, [0.0] * windows, text_windows=text_windows)
    assert (found is not None) == enough


def test_equal_windows_leave_no_doubt() -> None:
    interval = ratio_interval([0.5] * 50, [0.25] * 50)
    assert interval is not None
    assert interval.low == pytest.approx(math.exp(0.25))
    assert interval.high == pytest.approx(math.exp(0.25))
