"""The documents of a file of the hub, in its order."""

from __future__ import annotations

import gzip
import json
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, overload

from suite.errors import ExperimentError

GZIP = ".gz"


def read_documents(path: Path, column: str, most: int | None = None) -> list[str]:
    """The documents of a Parquet file, or of JSON lines under gzip: so many from the front, or all."""
    if path.suffix == GZIP:
        with gzip.open(path) as lines:
            return [json.loads(line)[column] for line in islice(lines, most)]
    from datasets import Dataset  # takes a second to import

    with tempfile.TemporaryDirectory() as cache:  # what `datasets` makes of a file is not kept: the file is
        read = Dataset.from_parquet(str(path), columns=[column], cache_dir=cache, keep_in_memory=True)
        return list(islice(read[column], most))


class Documents(Sequence[str]):
    """The documents of JSON lines under gzip, each to be had by its number.

    They are decompressed, when the first is asked for, to a temporary file: a training shard of C4 has 800 MB, which
    may be more than the memory beside a model.
    """

    def __init__(self, path: Path, column: str) -> None:
        self._path, self._column = path, column
        self._starts = array("Q")  # bytes; the last is the end
        self._file: Any = None

    def __len__(self) -> int:
        self._decompress()
        return len(self._starts) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        self._file.seek(self._starts[index])
        return str(json.loads(self._file.readline())[self._column])

    def __iter__(self) -> Iterator[str]:
        return (self[index] for index in range(len(self)))

    def _decompress(self) -> None:
        if self._file is not None:
            return
        starts = array("Q")
        try:
            file = tempfile.TemporaryFile()  # noqa: SIM115 - as long as this object
            with gzip.open(self._path) as lines:
                for line in lines:
                    starts.append(file.tell())
                    file.write(line)
            starts.append(file.tell())
            file.flush()
            self._file, self._starts = file, starts
        except OSError as error:
            raise ExperimentError(
                f"cannot decompress {self._path} to {tempfile.gettempdir()}: {error.strerror or error}; make room, or "
                "set TMPDIR to a folder on a larger disk"
            ) from error
