"""What a machine does a second, for forecasts: as `lottery bench` measured it, else as is usual. Without torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from suite.bench.measured import Measured, StageName, kept, kept_at, threads_asked
from suite.bench.work import ITEM_BYTES
from suite.errors import sentence
from suite.forecast.trial import trial
from suite.machine import Machine, by_amd, native_16_bit, processor_flags

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
DISK_SPEED = 0.5e9  # bytes/s
USUAL: Mapping[StageName, float] = {"load": 0.7, "prune": 0.28, "restore": 0.8, "evaluate": 0.97, "generate": 0.8}
USUAL_GPU: Mapping[StageName, float] = {
    **{"load": 0.7, "prune": 0.1, "restore": 0.5, "evaluate": 0.5, "generate": 0.3, "captured": 0.6}
}

# Of a processor, fitted where the constants of `suite.forecast.passes` were.
NATIVE = 2.5  # times the float32 rate that products of 16 bits reach where the processor multiplies them itself
EMULATED = 0.3  # and where it does not: they are computed from float32 copies, a few rows at a time
NARROW = {True: 16, False: 220}  # a model so wide reaches half of what a wide one does, by whether it is native
ONEDNN = {True: 2.2, False: 1.15}  # times PyTorch's own float32 rate that evaluation reaches on AMD, by AVX-512
LAYER_CALLS = 600  # small calls of numpy that the calls of a layer take as long as
PRODUCTS = 0.92  # of the seconds of `lottery bench`'s evaluation: the rest is computed number by number

GPU_NARROW = 40  # as NARROW
GPU_LAYER = 4e-4  # seconds that the host takes to launch the kernels of a layer
USUALLY = "usual rates; `lottery bench` measures this machine's"


@dataclass(frozen=True)
class Rates:
    """The rates of one machine, and the shares of them that the stages of the suite reach.

    `matrix` is floating-point operations a second by dtype, `evaluating` times as many in evaluation, where a faster
    library computes (1 where none does), and `narrow` how wide a model is that reaches half of them; `copy` and
    `files` are bytes a second, in the memory of the device that models lie on and from the disk. `exponentials` are
    those in float32 a second, of all threads; without limit on a GPU, whose share of products has what is computed
    number by number in it. `layer` is the seconds that the calls of a layer take, whatever is in them. `said` is where
    all of it comes from, for people.
    """

    matrix: Mapping[str, float]
    evaluating: Mapping[str, float]
    narrow: Mapping[str, float]
    copy: float
    files: float
    exponentials: float
    layer: float
    shares: Mapping[tuple[StageName, str], float]
    said: str

    @property
    def on_gpu(self) -> bool:
        """Whether models run on a GPU, where decoding is timed by captured graphs as well."""
        return any(stage == "captured" for stage, _ in self.shares)

    def numbers(self, count: float) -> float:
        """Seconds that are spent number by number, on what takes as long as so many float32 exponentials."""
        return count / self.exponentials

    def products(self, operations: float, dtype: str, width: int, evaluating: bool) -> float:
        """Seconds of the matrix products of a model so wide: narrow matrices keep a device waiting."""
        seconds = self.seconds("evaluate", operations * (1 + self.narrow[dtype] / width), dtype)
        return seconds / self.evaluating[dtype] if evaluating else seconds

    def seconds(self, stage: StageName, amount: float, dtype: str) -> float:
        """Seconds that a stage takes over so many bytes (or operations, of `evaluate`) in a dtype."""
        ceiling = {"load": self.files, "evaluate": self.matrix[dtype]}.get(stage, self.copy)
        return amount / (ceiling * self.shares[stage, dtype])


@cache
def rates(machine: Machine) -> Rates:
    """The rates to reckon with on a machine."""
    usual = _usual_gpu(machine) if machine.gpus else _usual_host(machine)
    try:
        measured = kept(machine)
    except (OSError, ValueError) as error:
        why = sentence(f"{kept_at(machine)} cannot be used ({type(error).__name__})")
        return replace(usual, said=f"usual rates: {why}; `lottery bench` measures this machine's anew")
    return _measured(measured, usual) if measured else usual


def _measured(found: Measured, usual: Rates) -> Rates:
    """What was measured, and the usual for what was not."""
    measured = {dtype: found.rate(f"matrix {dtype}") for dtype in usual.matrix}  # as evaluation computes
    matrix = {
        dtype: rate / usual.evaluating[dtype] if rate else usual.matrix[dtype] for dtype, rate in measured.items()
    }
    shares = {key: found.share(*key) or share for key, share in usual.shares.items()}
    if not usual.on_gpu:
        shares |= {key: share / PRODUCTS for key, share in shares.items() if key[0] == "evaluate"}
    copy, files = found.rate("copy") or usual.copy, found.rate("files", "cpu") or usual.files
    said = sentence(f"rates measured by `lottery bench` on {found.date}, with {found.model}")
    return replace(usual, matrix=matrix, copy=copy, files=files, shares=shares, said=said)


def _usual_host(machine: Machine) -> Rates:
    threads, tried = min(threads_asked(machine), machine.cores), trial()
    native = {"float32": True, **native_16_bit()}
    faster = ONEDNN["avx512f" in processor_flags()] if by_amd() else 1.0
    share = {dtype: (1.0 if dtype == "float32" else NATIVE) if own else EMULATED for dtype, own in native.items()}
    return Rates(
        matrix={dtype: threads * tried.operations * share[dtype] for dtype in native},
        evaluating={dtype: faster if dtype == "float32" else 1.0 for dtype in native},
        narrow={dtype: NARROW[own] for dtype, own in native.items()},
        copy=HOST_BANDWIDTH,
        files=DISK_SPEED,
        exponentials=threads * tried.exponentials,
        layer=LAYER_CALLS * tried.call,
        shares=_of_each(USUAL),
        said=USUALLY,
    )


def _usual_gpu(machine: Machine) -> Rates:
    gpu = min(machine.gpus, key=lambda gpu: gpu.capability)
    rate, bandwidth = GPU_RATES.get(gpu.capability, OTHER_GPU)
    return Rates(
        matrix={"float32": GPU_FLOAT32 * rate, "bfloat16": rate, "float16": rate},
        evaluating=dict.fromkeys(ITEM_BYTES, 1.0),
        narrow=dict.fromkeys(ITEM_BYTES, GPU_NARROW),
        copy=bandwidth,
        files=DISK_SPEED,
        exponentials=math.inf,
        layer=GPU_LAYER,
        shares=_of_each(USUAL_GPU),
        said=USUALLY,
    )


def _of_each(shares: Mapping[StageName, float]) -> dict[tuple[StageName, str], float]:
    return {(stage, dtype): share for stage, share in shares.items() for dtype in ITEM_BYTES}
