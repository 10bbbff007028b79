"""A checkpoint's own values, by the names of the model's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from suite.models.anatomy import Anatomy


class Stored:
    """The checkpoint's own values: what scores are taken from and models are restored from.

    They are memory-mapped. Those that transformers converts at loading (experts that a file keeps one by one are one
    tensor of the model) lie on the host as it converts them, in the checkpoint's dtype.
    """

    def __init__(self, folder: Path, anatomy: Anatomy) -> None:
        self._stack = ExitStack()
        self._anatomy = anatomy
        self._file_of: dict[str, Any] = {}
        self._converted: dict[str, Tensor] = {}
        for path in sorted(folder.glob("*.safetensors")):
            file = self._stack.enter_context(safe_open(path, framework="pt"))
            self._file_of.update(dict.fromkeys(file.keys(), file))

    def __call__(self, name: str) -> Tensor:
        """A tensor as stored (no cast), on the CPU; a tied one under either of its names."""
        for one in self._anatomy.stored_names(name):
            if one in self._converted:
                return self._converted[one]
            if one in self._file_of:
                tensor: Tensor = self._file_of[one].get_tensor(one)
                return tensor
        raise KeyError(name)

    def differs(self, name: str, parameter: Tensor) -> bool:
        """Whether the file's tensor of that name is not what the parameter was made of, or there is none."""
        try:
            found = self(name)
        except KeyError:
            return True
        return found.shape != parameter.shape or not torch.equal(found.to(parameter.dtype), parameter.cpu())

    def convert(self, values: Mapping[str, Tensor]) -> None:
        """Take values that transformers made of the files."""
        self._converted.update(values)

    def close(self) -> None:
        self._stack.close()
        self._file_of.clear()
        self._converted.clear()
