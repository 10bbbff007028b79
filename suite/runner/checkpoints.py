"""Networks at the end of their training, kept beside a study's records for the trainings that stand on them.

They are no results: what is lost of them is made again, the same on the same processor.
"""

from __future__ import annotations

import os
from pathlib import Path

from safetensors.torch import load_file, save_file

from suite.errors import InputError
from suite.models.header import safetensors_header
from suite.training.ticket import Ended

_MASK = "mask/"


def path_of(folder: Path, experiment: str) -> Path:
    """Where the network of an experiment, by its id, is kept; `folder` is the study's."""
    return folder / "networks" / f"{experiment}.safetensors"


def save(path: Path, ended: Ended) -> None:
    """Write it whole or not at all. Raises OSError."""
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp")
    try:
        save_file({**ended.values, **{_MASK + name: kept for name, kept in ended.mask.items()}}, temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def load(path: Path) -> Ended:
    """Raises OSError and SafetensorError."""
    tensors = load_file(path)
    mask = {name.removeprefix(_MASK): kept for name, kept in tensors.items() if name.startswith(_MASK)}
    return Ended({name: value for name, value in tensors.items() if not name.startswith(_MASK)}, mask)


def whole(path: Path) -> bool:
    """Whether a network is there, in full length."""
    try:
        safetensors_header(path)
    except InputError:
        return False
    return True
