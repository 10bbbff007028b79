"""Memory: what the weights take, and the peaks while an experiment runs (rule 18)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedModel

from suite.records.peaks import Peaks


def weights_bytes(model: PreTrainedModel) -> int:
    """Bytes of all parameters and buffers, shared storage counted once."""
    tensors = [held for tensor in (*model.parameters(), *model.buffers()) for held in _held(tensor)]
    return sum({tensor.data_ptr(): tensor.nbytes for tensor in tensors}.values())


def _held(tensor: Tensor) -> Iterator[Tensor]:
    """The tensors with memory that a tensor is made of: itself, but of codes and scales, or of packed values."""
    flatten = getattr(tensor, "__tensor_flatten__", None)  # PyTorch's protocol of tensors that wrap others
    if flatten is None:
        yield tensor
        return
    for name in flatten()[0]:
        yield from _held(getattr(tensor, name))


def reset_peaks() -> None:
    """Start the peaks anew: the GPUs', and the process's own where Linux lets it.

    What was freed before goes back to the GPU first, or it would count as reserved for what follows.
    """
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    for index in range(torch.cuda.device_count()):
        torch.cuda.reset_peak_memory_stats(index)
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM


def peaks(device: torch.device) -> Peaks:
    """The peaks since the last reset, of what runs on this device; the GPUs' summed over all of them."""
    if device.type != "cuda":
        return Peaks(rss_bytes=_status("VmHWM:"))
    gpus = range(torch.cuda.device_count())
    return Peaks(
        allocated_bytes=sum(map(torch.cuda.max_memory_allocated, gpus)),
        reserved_bytes=sum(map(torch.cuda.max_memory_reserved, gpus)),
    )


def resident() -> int | None:
    """Bytes of the process's resident set now; None where the system does not say."""
    return _status("VmRSS:")


def _status(field: str) -> int | None:
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None
