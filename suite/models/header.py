"""The header of a safetensors file, checked against the file before anything of it is loaded. Without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from safetensors import SafetensorError, safe_open

from suite.errors import InputError

LONGEST_HEADER = 100_000_000  # bytes; the limit of safetensors itself


def safetensors_header(path: Path) -> dict[str, dict[str, Any]]:
    """The tensors of a safetensors file: name to dtype, shape and offsets; the file's length is checked.

    Raises:
        InputError: the file is truncated or not safetensors.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > size - 8:
                raise InputError(f"{path} is truncated or not a safetensors file: {size} bytes; copy it again")
            if length > LONGEST_HEADER:
                raise ValueError(f"a header of {length} bytes")
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        end = max((int(entry["data_offsets"][1]) for entry in header.values()), default=0)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise InputError(f"{path} is not a safetensors file: its header cannot be read") from error
    if size != 8 + length + end:
        raise InputError(
            f"{path} is truncated: {8 + length + end} bytes expected, {size} found; copy or download it again"
        )
    try:
        with safe_open(path, framework="np"):  # checks the rest of the header: dtypes, shapes, no gap and no overlap
            pass
    except SafetensorError as error:
        raise InputError(f"{path} is not a safetensors file: {error}") from error
    return cast(dict[str, dict[str, Any]], header)
