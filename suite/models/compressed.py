"""A safetensors file written as a stream, in which pruned tensors may be a bitmap and their surviving values.

A pruned tensor NAME is two tensors of the file: `NAME.bitmask`, uint8, a bit a weight (1 = survives, the first in the
highest bit, the last byte filled up with zeros), and `NAME.values`, the surviving values in their dtype and order. Its
shape stands in the file's metadata under `shapes`, a JSON object of names; `format` says which layout it is. All other
tensors are whole. Any reader of safetensors opens the file; the same tensors always make the same bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor

from suite.errors import InputError
from suite.pruning.masks import Bits, survives

FORMAT = "lottery-compressed/1"
PLAIN = {"format": "pt"}  # what transformers wants the metadata of its own files to say
BITMASK, VALUES = ".bitmask", ".values"
Tensors = Callable[[str], Tensor]  # a tensor by its name, on the CPU

_INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
_NAMES = {
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.uint8: "U8",
}


def write(
    file: IO[bytes],
    names: Iterable[str],
    tensors: Tensors,
    masks: Mapping[str, Bits] | None = None,
    blanks: Tensors | None = None,
) -> None:
    """Write a model as one safetensors file, a tensor at a time: the largest one is all that memory has to hold.

    Each tensor is asked for first for its dtype and shape: the header comes before the values, and the masks say how
    many of those there will be.

    Args:
        file: open for writing in binary.
        names: the model's tensors.
        tensors: gives them.
        masks: the packed mask of each pruned tensor. None writes an ordinary file, every tensor whole.
        blanks: gives tensors of the same dtypes and shapes, whose values are not looked at, where values are dear.

    Raises:
        OSError: the file cannot be written.
    """
    shown = blanks or tensors
    pieces = [piece for name in sorted(names) for piece in _pieces(name, shown(name), (masks or {}).get(name))]
    pieces.sort(key=lambda piece: (-piece.dtype.itemsize, piece.name))  # so that each begins at a multiple of its size
    header: dict[str, Any] = {"__metadata__": PLAIN if masks is None else _metadata(tensors, masks)}
    start = 0
    for piece in pieces:
        header[piece.name] = {
            "dtype": _NAMES[piece.dtype],
            "shape": piece.shape,
            "data_offsets": [start, start + piece.bytes],
        }
        start += piece.bytes
    said = json.dumps(header, separators=(",", ":")).encode()
    said += b" " * (-len(said) % 8)
    file.write(len(said).to_bytes(8, "little") + said)
    for piece in pieces:
        file.write(piece.content(tensors).data)


class Compressed:
    """A compressed file, read a tensor at a time; to be used in a `with`.

    Raises:
        InputError: it is not such a file, or is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = safe_open(path, framework="pt").__enter__()
            self._shapes = _shapes(self._file.metadata() or {})
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror or error}") from error
        except (SafetensorError, ValueError) as error:
            raise InputError(f"{path} is not a file that `lottery export --compressed` wrote: {error}") from error
        self._whole = {name for name in self._file.keys() if not _belongs(name, self._shapes)}  # noqa: SIM118

    def __enter__(self) -> Compressed:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.__exit__(kind, error, at)

    @property
    def names(self) -> list[str]:
        """The model's tensors, in the order of their names."""
        return sorted(self._whole | self._shapes.keys())

    def mask(self, name: str) -> Bits | None:
        """The packed mask of a pruned tensor, None for one that is whole."""
        return self._file.get_tensor(name + BITMASK).numpy() if name in self._shapes else None

    def __call__(self, name: str) -> Tensor:
        """A tensor as it was before it was compressed, bit for bit.

        Raises:
            InputError: its mask and its values do not go together.
        """
        if name not in self._shapes:
            return self._file.get_tensor(name)  # type: ignore[no-any-return]
        shape = self._shapes[name]
        weights = math.prod(shape)
        try:
            mask, values = self._file.get_tensor(name + BITMASK).numpy(), self._file.get_tensor(name + VALUES)
            there = survives(mask, weights)
            if there.sum() != values.numel():
                raise ValueError(f"{there.sum()} weights survive, and {values.numel()} are there")
            whole = torch.zeros(weights, dtype=values.dtype)
            raw(whole)[there] = raw(values)
        except (SafetensorError, ValueError, LookupError) as error:
            raise InputError(f"{self.path} is damaged: the mask and values of {name} do not go together") from error
        return whole.view(shape)


class _Piece:
    """One tensor of the file: `source` is the model's tensor it is made of, `mask` that one's."""

    def __init__(self, name: str, dtype: torch.dtype, shape: list[int], source: str, mask: Bits | None = None) -> None:
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.source = source
        self.mask = mask

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    def content(self, tensors: Tensors) -> NDArray[Any]:
        if self.mask is None:
            return raw(tensors(self.source))
        if self.name.endswith(BITMASK):
            return np.ascontiguousarray(self.mask)
        values = raw(tensors(self.source))
        return values[survives(self.mask, values.size)]


def _pieces(name: str, tensor: Tensor, mask: Bits | None) -> Iterator[_Piece]:
    if mask is None:
        yield _Piece(name, tensor.dtype, list(tensor.shape), name)
        return
    survivors = int(np.bitwise_count(mask).sum())
    yield _Piece(name + BITMASK, torch.uint8, [mask.size], name, mask)
    yield _Piece(name + VALUES, tensor.dtype, [survivors], name, mask)


def _metadata(tensors: Tensors, masks: Mapping[str, Bits]) -> dict[str, str]:
    shapes = {name: list(tensors(name).shape) for name in sorted(masks)}
    return {"format": FORMAT, "shapes": json.dumps(shapes, separators=(",", ":"))}


def _shapes(metadata: Mapping[str, str]) -> dict[str, list[int]]:
    """The shapes of the pruned tensors, from a file's metadata.

    Raises:
        ValueError: it says something else.
    """
    if metadata.get("format") != FORMAT:
        raise ValueError(f"its format is {metadata.get('format')!r} and not {FORMAT!r}")
    shapes = json.loads(metadata.get("shapes", ""))
    if not isinstance(shapes, dict) or not all(
        isinstance(shape, list) and all(type(length) is int and 0 <= length < 2**31 for length in shape)
        for shape in shapes.values()
    ):
        raise ValueError("its metadata does not give the shapes of the pruned tensors")
    return shapes


def _belongs(name: str, shapes: Mapping[str, list[int]]) -> bool:
    """Whether a tensor of the file is half of a pruned one."""
    return any(name.endswith(half) and name.removesuffix(half) in shapes for half in (BITMASK, VALUES))


def raw(tensor: Tensor) -> NDArray[Any]:
    """The bits of a tensor as a flat array of integers, so that every dtype is written as it is."""
    array: NDArray[Any] = tensor.contiguous().view(_INTEGERS[tensor.dtype.itemsize]).numpy().reshape(-1)
    return array
