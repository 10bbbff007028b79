"""Clocks, power and energy come from the GPU's own instruments, and are absent where it has none."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from suite.evaluation import telemetry
from suite.evaluation.telemetry import Reading, watch


def test_a_processor_has_none() -> None:
    reading = Reading()
    with watch([torch.device("cpu")], reading):
        pass
    assert reading.board(100) is None


class Nvml:
    """Two boards that answer like NVML: mW, mJ since boot (if at all), MHz."""

    NVMLError = RuntimeError
    NVML_CLOCK_SM, NVML_TEMPERATURE_GPU = 1, 0

    def __init__(self, counts_energy: bool) -> None:
        self.energy = iter([5_000_000, 7_000_000, 5_300_000, 7_500_000]) if counts_energy else None

    def nvmlInit(self) -> None: ...  # noqa: N802 - NVML's own names
    def nvmlShutdown(self) -> None: ...  # noqa: N802
    def nvmlDeviceGetHandleByUUID(self, name: str) -> str:  # noqa: N802
        assert name.startswith("GPU-")
        return name

    def nvmlDeviceGetClockInfo(self, handle: str, kind: int) -> int:  # noqa: N802
        return 1000 if handle == "GPU-0" else 2000

    def nvmlDeviceGetPowerUsage(self, handle: str) -> int:  # noqa: N802
        return 300_000

    def nvmlDeviceGetTemperature(self, handle: str, kind: int) -> int:  # noqa: N802
        return 60

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:  # noqa: N802
        if self.energy is None:
            raise self.NVMLError("not supported")
        return next(self.energy)


@pytest.mark.parametrize("counts_energy", [True, False])
def test_a_boards_instruments_are_read_while_it_works(monkeypatch: pytest.MonkeyPatch, counts_energy: bool) -> None:
    def properties(index: int) -> Any:
        return SimpleNamespace(uuid=index)

    monkeypatch.setattr(telemetry, "pynvml", Nvml(counts_energy))
    monkeypatch.setattr(torch.cuda, "get_device_properties", properties)
    reading = Reading()
    with watch([torch.device("cuda", 0), torch.device("cuda", 1), torch.device("cpu")], reading):
        time.sleep(3 * telemetry.PERIOD)
    found = reading.board(tokens=400)
    assert found is not None
    assert (found.sm_clock_mhz, found.power_w, found.temperature_c) == (1500, 300, 60)
    # (5300 + 7500) - (5000 + 7000) joules over 400 tokens
    assert found.energy_j_per_token == (pytest.approx(2.0) if counts_energy else None)
