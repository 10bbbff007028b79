"""The header of a GGUF file, checked against the file's size before anything is believed.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Read without numpy or the package `gguf`, so
that `lottery plan` tells at once what is wrong with a file, and so that no count that a file states can fill memory.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn, TypeVar

from suite.errors import InputError
from suite.gguf.magic import MAGIC, described

GGUF = ".gguf"  # what the name of such a file ends in
LONGEST_HEADER = 100_000_000  # bytes, as of safetensors; the longest in use, with 262,144 tokens, has some 15 million
MOST_KEYS, MOST_TENSORS = 4_096, 65_536
LONGEST_NAME = 1_024  # bytes of a key or of a tensor's name
LONGEST_KEPT = 1_024  # items of an array whose values are kept
LARGEST_ALIGNMENT = 1 << 20

STRING, ARRAY = 8, 9
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
TYPES = {  # number: name, weights a block, bytes a block
    **{0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22)},
    **{7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 40), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110)},
    **{12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292)},
    **{16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50)},
    **{20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136)},
    **{24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8)},
    **{29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66)},
    **{39: ("MXFP4", 32, 17), 40: ("NVFP4", 64, 36), 41: ("Q1_0", 128, 18)},
}


@dataclass(frozen=True, slots=True)
class Skipped:
    """An array that is checked but not kept: one of strings, such as a vocabulary, or a long one of numbers."""

    length: int


T = TypeVar("T")
Scalar = bool | int | float | str
Value = Scalar | tuple[Scalar, ...] | Skipped


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor of the file: its shape as PyTorch has it (rows first), its ggml type, and its bytes from `offset`.

    `offset` is counted from the header's `data_start`.
    """

    name: str
    shape: tuple[int, ...]
    type: str
    offset: int
    bytes: int

    @property
    def weights(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Header:
    """What a GGUF file says before its tensors' values."""

    path: Path
    size: int
    version: int
    architecture: str
    metadata: Mapping[str, Value]
    tensors: tuple[TensorInfo, ...]
    data_start: int


def read_header(path: Path) -> Header:
    """Read and check a GGUF file's header. Every tensor of it lies inside the file and overlaps no other.

    Raises:
        InputError: it is no GGUF file, is truncated or damaged, or states what no such file holds.
    """
    try:
        with path.open("rb") as file:
            return _Reader(path, file, os.fstat(file.fileno()).st_size).header()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error


class _Reader:
    """Goes through a file once, from its beginning; nothing is read that the file is not long enough for."""

    def __init__(self, path: Path, file: IO[bytes], size: int) -> None:
        self.path = path
        self.file = file
        self.size = size
        self.at = 0

    def header(self) -> Header:
        start = self.file.read(16)
        if start[:4] != MAGIC:
            raise InputError(f"{self.path} is not a GGUF file: {described(start)}")
        self.file.seek(4)
        self.at = 4
        version = self._version()
        tensors = self._count("Q", "tensors", MOST_TENSORS, 33)
        keys = self._count("Q", "keys", MOST_KEYS, 14)
        metadata = dict(self._unique("key", self._pair, keys))
        self._check_whole(metadata)
        architecture = metadata.get("general.architecture")
        if not isinstance(architecture, str):
            self._refuse("it has no text `general.architecture`")
        alignment = self._alignment(metadata)
        infos = tuple(info for _, info in self._unique("tensor", self._tensor, tensors))
        data_start = -(-self.at // alignment) * alignment
        self._check_places(infos, data_start, alignment)
        return Header(self.path, self.size, version, architecture, metadata, infos, data_start)

    def _version(self) -> int:
        version = self._number("I")
        if version in (2 << 24, 3 << 24):
            self._refuse("it is big-endian, and the suite reads little-endian files")
        if version not in (2, 3):
            self._refuse(f"its version is {version}, and the suite reads 2 and 3; convert it anew with llama.cpp")
        return int(version)

    def _check_whole(self, metadata: Mapping[str, Value]) -> None:
        """A file that llama.cpp split into several is refused; of these only the first has more keys than this."""
        parts, number = metadata.get("split.count", 1), metadata.get("split.no")
        if type(parts) is int and parts > 1:
            part = f"part {number + 1} of {parts}" if type(number) is int else f"one of {parts} parts"
            raise InputError(
                f"{self.path} is {part} of a model that was split: join them first with `llama-gguf-split --merge`, "
                "which takes the first part and the name of the whole"
            )

    def _alignment(self, metadata: Mapping[str, Value]) -> int:
        found = metadata.get("general.alignment", 32)
        if type(found) is not int or not 0 < found <= LARGEST_ALIGNMENT or found & (found - 1):
            self._refuse(f"`general.alignment` is {found!r:.40}, and a power of two is expected")
        return found

    def _unique(self, what: str, read: Callable[[], tuple[str, T]], count: int) -> Iterator[tuple[str, T]]:
        seen: set[str] = set()
        for _ in range(count):
            name, found = read()
            if name in seen:
                self._refuse(f"{what} {name!r:.80} is there twice")
            seen.add(name)
            yield name, found

    def _pair(self) -> tuple[str, Value]:
        key, kind = self._name("key"), self._number("I")
        if kind in SCALARS:
            return key, self._number(SCALARS[int(kind)])
        if kind == STRING:
            return key, self._text(f"key {key!r:.80}")
        if kind == ARRAY:
            return key, self._array(key)
        return self._refuse(f"key {key!r:.80} is of the unknown type {kind}")

    def _array(self, key: str) -> tuple[Scalar, ...] | Skipped:
        kind = self._number("I")
        if kind == STRING:
            count = self._count("Q", f"texts of {key!r:.80}", LONGEST_HEADER, 8)
            where = f"key {key!r:.80}"
            for _ in range(count):
                self._text(where)
            return Skipped(count)
        if kind not in SCALARS:
            what = "arrays" if kind == ARRAY else f"the unknown type {kind}"
            self._refuse(f"key {key!r:.80} is an array of {what}")
        letter = SCALARS[int(kind)]
        width = struct.calcsize(f"<{letter}")
        count = self._count("Q", f"items of {key!r:.80}", LONGEST_HEADER, width)
        found = self._bytes(count * width)
        return Skipped(count) if count > LONGEST_KEPT else struct.unpack(f"<{count}{letter}", found)

    def _tensor(self) -> tuple[str, TensorInfo]:
        name = self._name("tensor")
        where = f"tensor {name!r:.80}"
        count = self._number("I")
        if not 1 <= count <= 4:
            self._refuse(f"{where} has {count} dimensions, and 1 to 4 are expected")
        lengths = struct.unpack(f"<{count}Q", self._bytes(8 * int(count)))
        number, offset = struct.unpack("<IQ", self._bytes(12))
        if number not in TYPES:
            self._refuse(f"{where} is of the unknown type {number}; a newer release of the suite may know it")
        kind, block, width = TYPES[number]
        if 0 in lengths:
            self._refuse(f"{where} has shape {list(reversed(lengths))}, in which no length may be 0")
        if lengths[0] % block:  # ggml has the longest run of memory first
            self._refuse(f"{where} has rows of {lengths[0]}, and {kind} has blocks of {block}")
        size = math.prod(lengths) // block * width
        return name, TensorInfo(name, tuple(reversed(lengths)), kind, offset, size)

    def _check_places(self, tensors: tuple[TensorInfo, ...], start: int, alignment: int) -> None:
        end = 0
        for tensor in sorted(tensors, key=lambda tensor: tensor.offset):
            if tensor.offset % alignment:
                self._refuse(f"tensor {tensor.name!r:.80} does not begin at a multiple of {alignment} bytes")
            if tensor.offset < end:
                self._refuse(f"tensor {tensor.name!r:.80} overlaps another")
            end = tensor.offset + tensor.bytes
        self._need(start + end)

    def _name(self, what: str) -> str:
        name = self._text(f"a {what}'s name", LONGEST_NAME)
        if not name.isprintable() or not name:
            self._refuse(f"a {what}'s name is {name!r:.80}")
        return name

    def _text(self, where: str, longest: int = LONGEST_HEADER) -> str:
        length = int.from_bytes(self._bytes(8), "little")
        if length > longest:
            self._refuse(f"{where} is {length:,} bytes long, and at most {longest:,} are believed")
        try:
            return self._bytes(length).decode()
        except UnicodeDecodeError:
            self._refuse(f"{where} is not UTF-8")

    def _count(self, letter: str, what: str, most: int, each: int) -> int:
        """A number of things of at least `each` bytes that follow."""
        count = int(self._number(letter))
        if count > most:
            self._refuse(f"it states {count:,} {what}, and at most {most:,} are believed")
        self._need(self.at + count * each)
        return count

    def _number(self, letter: str) -> int | float | bool:
        found: tuple[int | float | bool] = struct.unpack(f"<{letter}", self._bytes(struct.calcsize(f"<{letter}")))
        return found[0]

    def _bytes(self, count: int) -> bytes:
        if self.at + count > LONGEST_HEADER:
            self._refuse(f"its header goes on beyond {LONGEST_HEADER:,} bytes")
        self._need(self.at + count)
        self.at += count
        found = self.file.read(count)
        if len(found) != count:  # it became shorter meanwhile
            self._need(self.at, self.at - count + len(found))
        return found

    def _need(self, expected: int, found: int | None = None) -> None:
        found = self.size if found is None else found
        if expected > found:
            raise InputError(
                f"{self.path} is truncated: at least {expected:,} bytes expected, {found:,} found; copy or download it "
                "again"
            )

    def _refuse(self, why: str) -> NoReturn:
        raise InputError(f"{self.path} is not a GGUF file that can be read: {why}")
