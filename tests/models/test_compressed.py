"""A compressed file gives each tensor back bit for bit, is what safetensors opens, and is written tensor by tensor."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file

from suite.errors import InputError
from suite.models.compressed import Compressed, write
from suite.pruning.masks import Bits, packed

DTYPES = [torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn]


def written(path: Path, tensors: dict[str, torch.Tensor], masks: dict[str, Bits] | None) -> Path:
    with path.open("wb") as file:
        write(file, tensors, tensors.__getitem__, masks)
    return path


def same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    return (one.dtype, one.shape) == (other.dtype, other.shape) and torch.equal(
        one.contiguous().view(torch.uint8), other.contiguous().view(torch.uint8)
    )


@given(
    rows=st.integers(1, 20),
    columns=st.integers(1, 20),
    share=st.sampled_from([0.0, 0.3, 0.9, 1.0]),
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 5),
)
def test_every_tensor_comes_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, rows: int, columns: int, share: float, dtype: torch.dtype, seed: int
) -> None:
    draw = torch.Generator().manual_seed(seed)
    whole = torch.randn(rows, columns, generator=draw).to(dtype)
    removed = torch.rand(rows, columns, generator=draw) < share
    whole.view(torch.uint8)[0, 0] |= 0x80  # a sign, or the last bits of a wider number
    tensors = {"b.w": whole, "a.norm": torch.ones(rows), "c.scale": torch.randn(3, dtype=torch.float16)}
    path = written(tmp_path_factory.mktemp("file") / "model.safetensors", tensors, {"b.w": packed(removed)})
    integers = {1: torch.uint8, 2: torch.int16, 4: torch.int32}[dtype.itemsize]
    pruned = whole.view(integers).masked_fill(removed, 0).view(dtype)
    with Compressed(path) as found:
        assert found.names == ["a.norm", "b.w", "c.scale"]
        assert same_bits(found("b.w"), pruned)
        assert same_bits(found("a.norm"), tensors["a.norm"])
        assert same_bits(found("c.scale"), tensors["c.scale"])
        assert np.array_equal(found.mask("b.w"), packed(removed))
        assert found.mask("a.norm") is None


def test_any_reader_of_safetensors_opens_it(tmp_path: Path) -> None:
    removed = torch.tensor([[True, False, True], [False, False, True]])
    weight = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype=torch.bfloat16)
    path = written(tmp_path / "m.safetensors", {"w": weight, "norm": torch.ones(3)}, {"w": packed(removed)})
    with safe_open(path, framework="pt") as file:
        assert sorted(file.keys()) == ["norm", "w.bitmask", "w.values"]
        assert file.get_tensor("w.values").tolist() == [2.0, 4.0, 5.0]
        assert file.get_tensor("w.bitmask").tolist() == [0b01011000]
        assert json.loads(file.metadata()["shapes"]) == {"w": [2, 3]}


def test_without_masks_it_is_an_ordinary_file(tmp_path: Path) -> None:
    tensors = {"w": torch.randn(5, 7, dtype=torch.float16), "b": torch.randn(5)}
    path = written(tmp_path / "model.safetensors", tensors, None)
    found = load_file(path)
    assert all(same_bits(found[name], tensor) for name, tensor in tensors.items())
    with safe_open(path, framework="pt") as file:
        assert file.metadata() == {"format": "pt"}


def test_the_same_tensors_make_the_same_bytes_in_whatever_order_they_are_named(tmp_path: Path) -> None:
    tensors = {"w": torch.randn(5, 7), "b": torch.randn(5)}
    mask = {"w": packed(torch.rand(5, 7) < 0.5)}
    one = written(tmp_path / "one", tensors, mask).read_bytes()
    assert written(tmp_path / "two", dict(reversed(tensors.items())), mask).read_bytes() == one


def test_memory_holds_one_tensor_at_a_time() -> None:
    weights = 1_000_000
    mask = packed(torch.rand(weights, generator=torch.Generator().manual_seed(0)) < 0.5)

    class Nowhere(io.RawIOBase):
        def write(self, content: object) -> int:
            return memoryview(content).nbytes  # type: ignore[arg-type]

    def make(name: str) -> torch.Tensor:
        return torch.from_numpy(np.ones(weights, dtype=np.float32))  # NumPy's memory is what tracemalloc sees

    names = [f"w{index}" for index in range(20)]
    tracemalloc.start()
    try:
        write(Nowhere(), names, make, dict.fromkeys(names, mask))  # type: ignore[arg-type]
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 3 * 4 * weights  # the tensor, what survives of it, its mask; not twenty of them


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "wrote"), (b"\xff" * 200, "wrote"), (None, "format is 'pt' and not")],
)
def test_what_is_no_such_file_is_said(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "model.compressed.safetensors"
    if content is None:
        written(path, {"w": torch.ones(2)}, None)
    else:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        Compressed(path)
    with pytest.raises(InputError, match="cannot read|no such file|wrote"):
        Compressed(tmp_path / "gone")


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_mask_and_values_that_do_not_go_together_are_told(tmp_path: Path, share: float) -> None:
    """One bit of the mask flips; or of many values one is left, which must not be spread over all of them."""
    weight = torch.randn(4, 4)
    removed = torch.arange(16).view(4, 4) >= (1 if share else 16)
    path = written(tmp_path / "m", {"w": weight}, {"w": packed(removed)})
    content = bytearray(path.read_bytes())
    content[-1] ^= 0b110  # the mask is a byte a time: its items come last
    path.write_bytes(content)
    with Compressed(path) as found, pytest.raises(InputError, match="the mask and values of w do not go together"):
        found("w")
