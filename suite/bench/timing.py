"""Seconds of a piece of work, again and again: the median counts, and the spread is kept beside it."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from suite.interruption import stop_if_asked


def synchronise(device: torch.device) -> None:
    """Wait until the device has done what it was given; a processor has, always."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_of(work: Callable[[], object], device: torch.device) -> float:
    """How long a piece of work takes until the device is done with it.

    Raises:
        Interrupted: a signal asked for an end.
    """
    stop_if_asked()
    synchronise(device)
    started = time.perf_counter()
    work()
    synchronise(device)
    return time.perf_counter() - started


def times(work: Callable[[], object], device: torch.device, repeats: int) -> list[float]:
    """Seconds of each repeat."""
    return [seconds_of(work, device) for _ in range(repeats)]
