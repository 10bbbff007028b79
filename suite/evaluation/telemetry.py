"""The GPU's own instruments while something runs: clocks, power, temperature, and its energy counter (rules 17, 21)."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import fmean
from typing import Any

import pynvml
import torch

from suite.records.schema import Telemetry

PERIOD = 0.05  # seconds between two looks


class Reading:
    """Filled while a block of `watch` runs, or several; empty (`board` gives None) on a processor or without NVML."""

    def __init__(self) -> None:
        self.looks: list[tuple[float, float, float]] = []  # clock in MHz, power in W, temperature in Celsius
        self.joules: float | None = None

    def board(self, tokens: int) -> Telemetry | None:
        """The record's section, the energy shared out over `tokens`."""
        if not self.looks:
            return None
        clock, power, temperature = (fmean(values) for values in zip(*self.looks, strict=True))
        energy = None if self.joules is None else self.joules / tokens
        return Telemetry(sm_clock_mhz=clock, power_w=power, temperature_c=temperature, energy_j_per_token=energy)


@contextmanager
def watch(devices: Sequence[torch.device], reading: Reading) -> Iterator[None]:
    """Read the instruments of the GPUs among `devices` into `reading` until the block ends."""
    done = threading.Event()
    handles = _handles(devices)
    if not handles:
        yield
        return

    def look() -> None:
        while not done.wait(PERIOD):
            try:
                reading.looks += [_look(handle) for handle in handles]
            except pynvml.NVMLError:
                return

    watcher = threading.Thread(target=look, daemon=True)
    before = _joules(handles)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
        after = _joules(handles)
        if before is not None and after is not None:
            reading.joules = (reading.joules or 0.0) + after - before
        pynvml.nvmlShutdown()


def _handles(devices: Sequence[torch.device]) -> list[Any]:
    """NVML's handles, found by identity: NVML does not follow CUDA_VISIBLE_DEVICES. Empty where there is none."""
    gpus = sorted({device.index or 0 for device in devices if device.type == "cuda"})
    if not gpus:
        return []
    try:
        pynvml.nvmlInit()
        names = [f"GPU-{torch.cuda.get_device_properties(index).uuid}" for index in gpus]
        return [pynvml.nvmlDeviceGetHandleByUUID(name) for name in names]
    except (pynvml.NVMLError, AttributeError):  # a slice of a GPU, or a driver without them
        return []


def _look(handle: Any) -> tuple[float, float, float]:
    return (
        float(pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM)),
        pynvml.nvmlDeviceGetPowerUsage(handle) / 1000,
        float(pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)),
    )


def _joules(handles: Sequence[Any]) -> float | None:
    try:
        return sum(float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) for handle in handles) / 1000
    except pynvml.NVMLError:
        return None
