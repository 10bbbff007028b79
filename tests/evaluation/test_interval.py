"""The interval of the ratio to dense covers what it says, and is not given where it could not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from suite.evaluation.interval import ratio_interval


@pytest.mark.parametrize("correlation", [0.0, 0.4])
@pytest.mark.parametrize("windows", [40, 61, 300])
def test_it_covers_the_truth_about_as_often_as_it_says(correlation: float, windows: int) -> None:
    draw = np.random.default_rng(0)
    trials, covered = 1000, 0
    noise = draw.normal(0, 0.05, size=(trials, windows))
    for column in range(1, windows):
        noise[:, column] += correlation * noise[:, column - 1]
    for row in noise:
        interval = ratio_interval(list(row + 0.3), [0.0] * windows)
        assert interval is not None
        covered += interval.low <= math.exp(0.3) <= interval.high
    assert 0.90 <= covered / trials <= 0.98


def test_with_fewer_than_40_windows_it_cannot_be_told() -> None:
    assert ratio_interval([0.1] * 39, [0.0] * 39) is None
    assert ratio_interval([0.1] * 40, [0.0] * 40) is not None


def test_equal_windows_leave_no_doubt() -> None:
    interval = ratio_interval([0.5] * 50, [0.25] * 50)
    assert interval is not None
    assert interval.low == pytest.approx(math.exp(0.25))
    assert interval.high == pytest.approx(math.exp(0.25))
