"""How fast one core is, tried for some milliseconds with numpy: for forecasts where nothing was measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

REPEATS = 200
SIZE = 64  # of square matrices
NUMBERS = 8192  # float32: they stay in a core's nearest cache
CALLS = 20  # that are timed together: one is as short as the clock is coarse


@dataclass(frozen=True, slots=True)
class Trial:
    """One core: floating-point operations and exponentials a second, both in float32, and seconds of a small call."""

    operations: float
    exponentials: float
    call: float


@cache
def trial() -> Trial:
    """Try it, once a process: the fastest of many repeats, as whatever else the machine does only takes away."""
    matrix = np.ones((SIZE, SIZE), dtype=np.float32)
    product = np.empty_like(matrix)
    numbers = np.linspace(-9, 0, NUMBERS, dtype=np.float32)
    powers = np.empty_like(numbers)
    one = np.ones(4, dtype=np.float32)
    total = np.empty_like(one)

    def small_calls() -> None:
        for _ in range(CALLS):
            np.add(one, one, out=total)

    return Trial(
        operations=2 * SIZE**3 / _least(lambda: np.matmul(matrix, matrix, out=product)),
        exponentials=NUMBERS / _least(lambda: np.exp(numbers, out=powers)),
        call=_least(small_calls) / CALLS,
    )


def _least(work: Callable[[], object]) -> float:
    """Seconds of the fastest repeat."""
    least = float("inf")
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        least = min(least, time.perf_counter() - started)
    return least
