"""What a machine can do at most: bytes and operations a second, each measured by the plainest program there is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.nn import functional

from suite.bench.measured import Ceiling
from suite.bench.timing import seconds_of, times
from suite.evaluation.products import fast_products
from suite.machine import native_16_bit

COPIED = {"cpu": 2**28, "cuda": 2**31}  # bytes: many times what any cache holds
SIZES = {"cpu": (1024, 2048), "cuda": (4096, 8192)}  # of square matrices
PIECE = 2**24  # bytes of a file that are read at a time


def copy_bandwidth(device: torch.device, repeats: int) -> Ceiling:
    """Bytes a second, read plus written, of copying a tensor within the device's memory."""
    source = torch.ones(COPIED[device.type], dtype=torch.uint8, device=device)
    other = torch.empty_like(source)
    other.copy_(source)  # memory that nobody has touched yet costs more
    seconds = times(lambda: other.copy_(source), device, repeats)
    return Ceiling.of("copy", device.type, [2 * source.nbytes / one for one in seconds], "bytes/s")


@fast_products()
@torch.inference_mode()
def matrix_rate(device: torch.device, dtype: torch.dtype, repeats: int) -> Ceiling:
    """Floating-point operations a second of a product of square matrices, the faster of two sizes.

    A dense linear layer's product, `x W^T`, in the dtype's own arithmetic and by the library that evaluation takes:
    what the models' layers are made of.
    """
    name, found = f"matrix {str(dtype).removeprefix('torch.')}", []
    for size in SIZES[device.type]:
        inputs = torch.randn(size, size, device=device).to(dtype)
        weight = torch.randn(size, size, device=device).to(dtype)
        seconds_of(lambda a=inputs, b=weight: functional.linear(a, b), device)  # type: ignore[misc]
        seconds = times(lambda a=inputs, b=weight: functional.linear(a, b), device, repeats)  # type: ignore[misc]
        found.append(Ceiling.of(name, device.type, [2 * size**3 / one for one in seconds], "FLOP/s"))
    return max(found, key=lambda one: one.rate)


def read_speed(files: Sequence[Path], repeats: int) -> Ceiling:
    """Bytes a second of reading files from one end to the other, forgotten by the page cache first where it lets go."""
    host, size = torch.device("cpu"), sum(path.stat().st_size for path in files)
    cold = True
    rates = []
    for _ in range(repeats):
        cold &= forget(files)
        rates.append(size / seconds_of(lambda: _read(files), host))
    note = "from the disk" if cold else "from the page cache"
    return Ceiling.of("files", "cpu", rates, "bytes/s", note)


def forget(files: Sequence[Path]) -> bool:
    """Have the page cache drop these files; says whether it did: memory file systems cannot, others need not."""
    forgotten = [_forgotten(path) for path in files]  # every one, whatever came of those before
    return all(forgotten)


def _forgotten(path: Path) -> bool:
    if not hasattr(os, "posix_fadvise"):
        return False
    with path.open("rb") as file:
        handle = file.fileno()
        os.fsync(handle)  # what is not on the disk yet stays
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        try:
            # Read only what needs no waiting for the disk, from the middle: nothing, where nothing is kept.
            return os.preadv(handle, [bytearray(1)], path.stat().st_size // 2, os.RWF_NOWAIT) == 0
        except BlockingIOError:
            return True
        except OSError:  # this file system cannot be asked
            return False


def _read(files: Sequence[Path]) -> None:
    piece = bytearray(PIECE)
    for path in files:
        with path.open("rb", buffering=0) as file:
            while file.readinto(piece):
                pass


def native_dtypes(device: torch.device) -> tuple[torch.dtype, ...]:
    """The dtypes whose products the device's own arithmetic does: others would measure an emulation."""
    if device.type == "cuda":
        if torch.cuda.get_device_capability(device) >= (8, 0):
            return torch.bfloat16, torch.float16, torch.float32
        return torch.float16, torch.float32
    return (torch.float32, torch.bfloat16) if native_16_bit()["bfloat16"] else (torch.float32,)
