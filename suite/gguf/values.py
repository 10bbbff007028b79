"""The values of a GGUF file's tensors in float32, as the package `gguf` dequantises them and transformers has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from gguf import GGMLQuantizationType
from gguf.quants import dequantize
from numpy.typing import NDArray
from torch import Tensor
from transformers.modeling_gguf_pytorch_utils import TENSOR_PROCESSORS, TensorProcessor

from suite.errors import InputError
from suite.gguf.header import TYPES, Header, TensorInfo

AT_ONCE = 1 << 20  # weights that are dequantised together; a multiple of every block
_BLOCKS = {name: (weights, width) for name, weights, width in TYPES.values()}


class Values:
    """The parameters' values, one at a time: nothing is kept.

    Args:
        tensors: the tensor of each parameter.
        config: the model's configuration, which says how many heads the rows of q and k belong to.
        dtype: what the values are rounded to.
    """

    def __init__(
        self, header: Header, tensors: Mapping[str, TensorInfo], config: Mapping[str, Any], dtype: torch.dtype
    ) -> None:
        self._header = header
        self._tensors = tensors
        self._processor = TENSOR_PROCESSORS.get(header.architecture, TensorProcessor)(config=dict(config))
        self.dtype = dtype

    def blank(self, name: str) -> Tensor:
        """A tensor of the parameter's dtype and shape that has no values."""
        return torch.empty(self._tensors[name].shape, dtype=self.dtype, device="meta")

    def __call__(self, name: str) -> Tensor:
        """The parameter's values.

        Raises:
            InputError: one is no number, or too large for the dtype; or the file cannot be read.
        """
        info = self._tensors[name]
        array = self._processor.process(weights=dequantised(self._header, info), name=info.name).weights
        tensor = torch.from_numpy(np.ascontiguousarray(array)).to(self.dtype)
        if not all(part.isfinite().all() for part in tensor.view(-1).split(AT_ONCE)):
            raise InputError(
                f"{self._header.path}: tensor {info.name} has values that are no numbers in "
                f"{str(self.dtype).removeprefix('torch.')}; copy or download the file again, or take a wider dtype"
            )
        return tensor


def dequantised(header: Header, info: TensorInfo) -> NDArray[np.float32]:
    """A tensor's values in float32, in its shape: bit for bit what `gguf.dequantize` makes of it, some blocks at once.

    Raises:
        InputError: the file cannot be read, or is shorter than its header said.
    """
    block, width = _BLOCKS[info.type]
    kind = GGMLQuantizationType[info.type]
    found = np.empty(info.weights, np.float32)
    try:
        with header.path.open("rb") as file, np.errstate(all="ignore"):  # what is no number is refused
            file.seek(header.data_start + info.offset)
            for start in range(0, info.weights, AT_ONCE):
                wanted = min(AT_ONCE, info.weights - start)
                raw = np.frombuffer(file.read(wanted // block * width), np.uint8)
                if raw.size != wanted // block * width:
                    raise InputError(f"{header.path} became shorter while it was read; copy or download it again")
                found[start : start + wanted] = dequantize(raw[None], kind).reshape(-1)
    except OSError as error:
        raise InputError(f"cannot read {header.path}: {error.strerror}") from error
    return found.reshape(info.shape)
