"""Size: the bytes of a file in which pruned tensors are a bitmap and their surviving values (rule 19).

The file is the one that `lottery export --compressed` hands on (`suite.models.compressed`), of the checkpoint's own
values in the checkpoint's dtype. It is really written and read back, a tensor at a time, compared bit for bit, and
deleted.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from torch import Tensor

from suite.errors import ExperimentError, InputError
from suite.models.compressed import Compressed, Tensors, raw, write
from suite.pruning.masks import Bits, survives
from suite.records.schema import Size


def stored_size(names: Iterable[str], stored: Tensors, masks: Mapping[str, Bits], scratch: Path) -> Size:
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
        # What a process that is killed leaves behind, the store sweeps away by its name.
        with tempfile.NamedTemporaryFile(dir=scratch, prefix=".size-", suffix=".tmp") as file:
            write(file, wanted, stored, masks)
            file.flush()
            compressed = file.tell()
            _check(Path(file.name), wanted, stored, masks)
    except OSError as error:
        raise ExperimentError(f"the compressed file cannot be kept in {scratch.name}: {error.strerror}") from error
    return Size(dense_bytes=sum(stored(name).nbytes for name in wanted), compressed_bytes=compressed)


def _check(path: Path, names: list[str], stored: Tensors, masks: Mapping[str, Bits]) -> None:
    """Read the file as one who has nothing else would, and compare."""
    try:
        with Compressed(path) as found:
            wrong = sorted(set(names) ^ set(found.names))
            wrong += [name for name in names if not wrong and not _same(found(name), stored(name), masks.get(name))]
    except InputError as error:
        raise ExperimentError(f"the compressed file cannot be read back, the disk may be failing: {error}") from error
    if wrong:
        raise ExperimentError(f"the compressed file does not give {wrong[0]} back; the disk may be failing")


def _same(found: Tensor, stored: Tensor, mask: Bits | None) -> bool:
    """Whether a tensor that was read is, bit for bit, what its mask leaves of the stored one."""
    wanted = raw(stored)
    if mask is not None:
        wanted = wanted * survives(mask, wanted.size)
    return found.dtype == stored.dtype and found.shape == stored.shape and np.array_equal(raw(found), wanted)
