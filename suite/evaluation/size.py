"""Size: the bytes of a file in which pruned tensors are a bitmap and their surviving values (rule 19).

The file is really written and read back, a tensor at a time, compared bit for bit, and deleted. Its values are the
checkpoint's own, in the checkpoint's dtype: what one would hand on. It ends with an index of its tensors.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from suite.errors import ExperimentError
from suite.pruning.masks import Bits
from suite.records.schema import Size

Stored = Callable[[str], Tensor]
_INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def stored_size(names: Iterable[str], stored: Stored, masks: Mapping[str, Bits], scratch: Path) -> Size:
    """Write the model as a compressed file in the folder `scratch`, read it back, delete it, and give its size.

    Args:
        names: the model's tensors.
        stored: a tensor's checkpoint values by name.
        masks: the packed mask of each pruned tensor.

    Raises:
        ExperimentError: the file cannot be written, or does not hold what was put into it.
    """
    wanted = sorted(names)
    try:
        with tempfile.TemporaryFile(dir=scratch, prefix=".size-") as file:
            _write(file, wanted, stored, masks)
            compressed = file.tell()
            _check(file, wanted, stored, masks)
    except OSError as error:
        raise ExperimentError(f"the compressed file cannot be kept in {scratch.name}: {error.strerror}") from error
    return Size(dense_bytes=sum(stored(name).nbytes for name in wanted), compressed_bytes=compressed)


def _write(file: IO[bytes], names: Iterable[str], stored: Stored, masks: Mapping[str, Bits]) -> None:
    index: dict[str, Any] = {}
    for name in names:
        values = _raw(stored(name))
        entry = {"dtype": str(stored(name).dtype), "shape": list(stored(name).shape), "start": file.tell()}
        if name in masks:
            values = values[_survives(masks[name], values.size)]
            file.write(masks[name].tobytes())
        index[name] = entry | {"bitmap": name in masks, "values": values.size}
        file.write(values.data)
    footer = json.dumps(index).encode()
    file.write(footer + len(footer).to_bytes(8, "little"))


def _check(file: IO[bytes], names: Iterable[str], stored: Stored, masks: Mapping[str, Bits]) -> None:
    """Read the file as one who has nothing else would, and compare."""
    end = file.seek(-8, 2)
    length = int.from_bytes(file.read(8), "little")
    file.seek(end - length)
    index = json.loads(file.read(length))
    for name in names:
        wanted = _raw(stored(name))
        if name in masks:
            wanted = wanted * _survives(masks[name], wanted.size)
        if not np.array_equal(_read(file, index[name], wanted.dtype), wanted):
            raise ExperimentError(f"the compressed file does not give {name} back; the disk may be failing")


def _read(file: IO[bytes], entry: Mapping[str, Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    weights = int(np.prod(entry["shape"]))
    file.seek(entry["start"])
    bitmap = file.read((weights + 7) // 8) if entry["bitmap"] else b""
    values = np.frombuffer(file.read(entry["values"] * dtype.itemsize), dtype)
    if not entry["bitmap"]:
        return values
    whole = np.zeros(weights, dtype)
    whole[_survives(np.frombuffer(bitmap, np.uint8), weights)] = values
    return whole


def _survives(mask: Bits, weights: int) -> NDArray[np.bool_]:
    return np.unpackbits(mask, count=weights).astype(bool)


def _raw(tensor: Tensor) -> NDArray[Any]:
    """The bits of a tensor as a flat array of integers, so that every dtype is written as it is."""
    array: NDArray[Any] = tensor.contiguous().view(_INTEGERS[tensor.dtype.itemsize]).numpy().reshape(-1)
    return array
