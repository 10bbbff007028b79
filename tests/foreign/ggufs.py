"""GGUF files that nobody meant to write: a tiny one whose header was changed."""

from __future__ import annotations

import random
import struct
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from suite.errors import InputError
from suite.evaluation.memory import peaks, reset_peaks
from suite.gguf.header import read_header
from suite.models.source import from_gguf
from tests.gguf_files import tiny

NUMBERS = (0, 1, 2, 7, 8, 9, 31, 255, 4096, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**62, 2**63, 2**64 - 1)
MOST_MEMORY = 16_000_000  # bytes that reading a header of a few kilobytes may take
MOST_GROWTH = 256_000_000  # bytes that the process may grow by while a model of a few megabytes is converted


def furnish(folder: Path) -> list[tuple[bytes, int]]:
    """The bytes of files that are right, each with the length of its header."""
    found = []
    for name, family, tied in (("llama", "llama", True), ("qwen2", "qwen2", False), ("pieces", "llama", True)):
        path = tiny.write(folder / f"{name}.gguf", family, "Q4_0", tied=tied, sentencepiece=name == "pieces")
        found.append((path.read_bytes(), read_header(path).data_start))
    return found


def foreign(rng: random.Random, files: list[tuple[bytes, int]]) -> bytes:
    """One of the files, changed: bits, bytes, whole numbers, pieces left out or doubled, the end cut off."""
    whole, header = rng.choice(files)
    content = bytearray(whole)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if not content:
            break
        at = rng.randrange(min(header, len(content)) or 1)
        match rng.randrange(7):
            case 0:
                content[at] ^= 1 << rng.randrange(8)
            case 1:
                content[at] = rng.randrange(256)
            case 2 | 3:
                form = rng.choice(("<B", "<H", "<I", "<Q", "<f", "<d"))
                number = rng.choice(NUMBERS) if rng.random() < 0.8 else rng.randrange(2**64)
                width = struct.calcsize(form)
                packed = struct.pack(form, float(number)) if form in ("<f", "<d") else number.to_bytes(8, "little")
                content[at : at + width] = packed[:width]
            case 4:
                del content[at : at + rng.choice((1, 4, 8, 100))]
            case 5:
                content[at:at] = content[at : at + rng.choice((1, 4, 8, 100))]
            case 6:
                del content[rng.choice((at, rng.randrange(len(content)))) :]
    return bytes(content)


def handle(path: Path, out: Path) -> bool:
    """Read the file as a manifest's model is read, and convert it into the folder `out`; whether it was accepted. What
    is refused is so in one line.

    Raises:
        MemoryError: it took more memory than such a header is worth.
    """
    from suite.gguf.convert import convert

    try:
        with _traced():
            from_gguf("foreign", path)
        out.mkdir()
        convert(read_header(path), out)
    except InputError as error:
        if "\n" in str(error) or not str(error).isprintable():
            raise AssertionError(f"more than a line: {error!r}") from error
        return False
    return True


@contextmanager
def bounded() -> Iterator[None]:
    """What happens inside lets the whole process grow only so far: of PyTorch and NumPy `tracemalloc` sees little.

    Raises:
        MemoryError: it grew by more, for however short a time; nothing is told where the system does not say.
    """
    reset_peaks()
    before = _peak()
    try:
        yield
    finally:
        if _peak() - before > MOST_GROWTH:
            raise MemoryError(f"the process grew by more than {MOST_GROWTH:,} bytes")


def _peak() -> int:
    return peaks(torch.device("cpu")).rss_bytes or 0


@contextmanager
def _traced() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        if peak > MOST_MEMORY:
            raise MemoryError(f"{peak:,} bytes")
