"""This machine, seen without torch: processor, memory, and GPUs through NVML."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil
import pynvml

from suite.protocol import BFLOAT16_FROM


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU: `memory` in bytes, `capability` the CUDA compute capability."""

    name: str
    memory: int
    capability: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Machine:
    """What can be reckoned with. `memory` is the host's, in bytes; `cores` those this process may use.

    `hidden` counts the GPUs that CUDA_VISIBLE_DEVICES keeps from this process; `trouble` is why NVML is silent.
    """

    processor: str
    cores: int
    memory: int
    gpus: tuple[Gpu, ...] = ()
    driver: str | None = None
    hidden: int = 0
    trouble: str | None = None

    @property
    def hardware(self) -> str:
        """What ran the numbers, in print."""
        if self.gpus:
            names = sorted({gpu.name for gpu in self.gpus})
            return " and ".join(f"{sum(g.name == name for g in self.gpus)}x {name}" for name in names)
        return f"{self.processor}, {self.cores} {'core' if self.cores == 1 else 'cores'}"


@cache
def this_machine() -> Machine:
    """Look at the machine once. GPUs hidden by CUDA_VISIBLE_DEVICES do not count."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    seen = _gpus()
    return Machine(_processor(), cores, _host_memory(), *seen)


def native_16_bit() -> dict[str, bool]:
    """Whether the processor multiplies matrices of each 16-bit dtype itself; others are computed from float32."""
    flags = processor_flags()
    return {
        "bfloat16": bool({"avx512_bf16", "amx_bf16", "bf16"} & flags),
        "float16": bool({"avx512_fp16", "amx_fp16", "asimdhp"} & flags),
    }


def processor_flags() -> set[str]:
    """What the processor says it can do, in Linux' words; nothing where it does not say."""
    return {word for line in _cpuinfo() if line.startswith(("flags", "Features")) for word in line.split()}


def by_amd() -> bool:
    """Whether the processor is one of AMD."""
    return any(line.startswith("vendor_id") and "AuthenticAMD" in line for line in _cpuinfo())


def cores() -> int:
    """How many of the processor's cores this process may use."""
    return len(os.sched_getaffinity(0))


def pick_dtype(asked: str, capability: tuple[int, int] | None, stored: str) -> tuple[str, str]:
    """The dtype a model runs in, and why (protocol rule 15).

    Args:
        asked: what the manifest asks for; `auto` leaves it to the hardware.
        capability: the GPU's compute capability, None on a CPU.
        stored: the checkpoint's own dtype.
    """
    if asked != "auto":
        return asked, "asked for in the manifest"
    if capability is None:
        return "float32", "the processor's arithmetic is float32"
    if stored == "float32":
        return "float32", "the checkpoint is float32"
    if capability >= BFLOAT16_FROM:
        first, this = (f"{major}.{minor}" for major, minor in (BFLOAT16_FROM, capability))
        return "bfloat16", f"native from compute capability {first}; this GPU has {this}"
    return "float16", f"compute capability {capability[0]}.{capability[1]} has no native bfloat16"


def _gpus() -> tuple[tuple[Gpu, ...], str | None, int, str | None]:
    """The GPUs this process may use, the driver's version, how many are hidden from it, and why NVML is silent."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return (), None, 0, str(error)
    try:
        driver = str(pynvml.nvmlSystemGetDriverVersion())
        gpus, names = [], {}
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            gpu = Gpu(
                str(pynvml.nvmlDeviceGetName(handle)),
                int(pynvml.nvmlDeviceGetMemoryInfo(handle).total),
                tuple(pynvml.nvmlDeviceGetCudaComputeCapability(handle)),
            )
            gpus.append(gpu)
            names[str(index)] = names[str(pynvml.nvmlDeviceGetUUID(handle))] = gpu
        seen = gpus if visible is None else [names[key.strip()] for key in visible.split(",") if key.strip() in names]
        return tuple(seen), driver, len(gpus) - len(seen), None
    except pynvml.NVMLError as error:
        return (), None, 0, str(error)
    finally:
        pynvml.nvmlShutdown()


def _processor() -> str:
    for line in _cpuinfo():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return platform.processor() or platform.machine()


def _cpuinfo() -> list[str]:
    """What Linux says of the processors; nothing elsewhere."""
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _host_memory() -> int:
    """Bytes of RAM this process may use: the machine's, or its control group's if that is less."""
    total = int(psutil.virtual_memory().total)
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            limit = Path(path).read_text().strip()
        except OSError:
            continue
        if limit.isdecimal():
            total = min(total, int(limit))
    return total
