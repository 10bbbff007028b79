"""What a machine does a second, for forecasts: as `lottery bench` measured it, else as is usual. Without torch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from suite.bench.measured import Measured, StageName, kept, kept_at
from suite.bench.work import ITEM_BYTES
from suite.errors import sentence
from suite.machine import Machine, cores

# (capability): 16-bit matrix products a second, bytes a second; published figures of V100, T4, A100, L4, H100, RTX 50
GPU_RATES = {
    (7, 0): (110e12, 0.9e12),
    (7, 5): (60e12, 0.32e12),
    (8, 0): (310e12, 1.5e12),
    (8, 9): (120e12, 0.3e12),
    (9, 0): (900e12, 3.3e12),
    (12, 0): (200e12, 1.0e12),
}
OTHER_GPU = (60e12, 0.4e12)
GPU_FLOAT32 = 0.12  # of a GPU's 16-bit rate, where float32 is not rounded on its way
HOST_BANDWIDTH = 20e9  # bytes/s, read and written, of a usual processor's memory
HOST_16_BIT = {"bfloat16": 1.0, "float16": 0.25}  # of a processor's float32 rate, unless it was measured
DISK_SPEED = 0.5e9  # bytes/s
USUAL: Mapping[StageName, float] = {"load": 0.7, "prune": 0.15, "restore": 0.5, "evaluate": 0.7, "generate": 0.6}
USUAL_GPU: Mapping[StageName, float] = {**USUAL, "prune": 0.1, "evaluate": 0.5, "generate": 0.3, "captured": 0.6}


@dataclass(frozen=True)
class Rates:
    """The rates of one machine, and the shares of them that the stages of the suite reach.

    `matrix` is floating-point operations a second by dtype; `copy` and `files` are bytes a second, in the memory of
    the device that models lie on and from the disk; `said` is where all of it comes from, for people.
    """

    matrix: Mapping[str, float]
    copy: float
    files: float
    shares: Mapping[tuple[StageName, str], float]
    said: str

    @property
    def captures(self) -> bool:
        """Whether decoding is timed by captured graphs as well: on a GPU."""
        return any(stage == "captured" for stage, _ in self.shares)

    def seconds(self, stage: StageName, amount: float, dtype: str) -> float:
        """Seconds that a stage takes over so many bytes (or operations, of `evaluate`) in a dtype."""
        ceiling = {"load": self.files, "evaluate": self.matrix[dtype]}.get(stage, self.copy)
        return amount / (ceiling * self.shares[stage, dtype])


@cache
def rates(machine: Machine) -> Rates:
    """The rates to reckon with on a machine."""
    usual = _usual_gpu(machine) if machine.gpus else _usual_host()
    try:
        measured = kept(machine)
    except (OSError, ValueError) as error:
        why = sentence(f"{kept_at(machine)} cannot be used ({type(error).__name__})")
        return replace(usual, said=f"usual rates: {why}; `lottery bench` measures this machine's anew")
    return _measured(measured, usual) if measured else usual


def _measured(found: Measured, usual: Rates) -> Rates:
    """What was measured, and the usual for what was not."""
    matrix = {dtype: found.rate(f"matrix {dtype}") or rate for dtype, rate in usual.matrix.items()}
    shares = {key: found.share(*key) or share for key, share in usual.shares.items()}
    copy, files = found.rate("copy") or usual.copy, found.rate("files", "cpu") or usual.files
    said = sentence(f"rates measured by `lottery bench` on {found.date}, with {found.model}")
    return Rates(matrix, copy, files, shares, said)


def _usual_host() -> Rates:
    rate = host_matrix_rate()
    matrix = {"float32": rate, **{dtype: share * rate for dtype, share in HOST_16_BIT.items()}}
    return _usual(matrix, HOST_BANDWIDTH, USUAL)


def _usual_gpu(machine: Machine) -> Rates:
    gpu = min(machine.gpus, key=lambda gpu: gpu.capability)
    rate, bandwidth = GPU_RATES.get(gpu.capability, OTHER_GPU)
    return _usual({"float32": GPU_FLOAT32 * rate, "bfloat16": rate, "float16": rate}, bandwidth, USUAL_GPU)


def _usual(matrix: Mapping[str, float], copy: float, shares: Mapping[StageName, float]) -> Rates:
    of_each = {(stage, dtype): share for stage, share in shares.items() for dtype in ITEM_BYTES}
    return Rates(matrix, copy, DISK_SPEED, of_each, "usual rates; `lottery bench` measures this machine's")


@cache
def host_matrix_rate() -> float:
    """Floating-point operations a second of float32 matrix products on all of this process' cores, tried for 3 ms.

    The fastest of many small products, each done by one core: whatever else the machine does meanwhile only takes away
    from some of them, where products that all cores share wait for the slowest.
    """
    size = 64
    matrix = np.ones((size, size), dtype=np.float32)
    product = np.empty_like(matrix)
    least = float("inf")
    for _ in range(300):
        started = time.perf_counter()
        np.matmul(matrix, matrix, out=product)
        least = min(least, time.perf_counter() - started)
    return cores() * 2 * size**3 / least
