"""The size is that of a file which gives every tensor back bit for bit: a bitmap, and the survivors."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from suite.errors import ExperimentError
from suite.evaluation.size import stored_size
from suite.models.compressed import Compressed
from suite.pruning.masks import packed

DTYPES = [torch.float32, torch.float16, torch.bfloat16]


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_bytes_are_a_bitmap_and_the_survivors(tmp_path: Path, dtype: torch.dtype) -> None:
    values = {"w": torch.randn(33, 41).to(dtype), "norm": torch.ones(33, dtype=dtype)}
    values["w"][0, :5] = -0.0
    removed = torch.rand(33, 41) < 0.7
    whole = stored_size(values, values.__getitem__, {}, tmp_path)
    small = stored_size(values, values.__getitem__, {"w": packed(removed)}, tmp_path)
    assert whole.dense_bytes == small.dense_bytes == (33 * 41 + 33) * dtype.itemsize
    saved = int(removed.sum()) * dtype.itemsize - (33 * 41 + 7) // 8
    assert whole.compressed_bytes - small.compressed_bytes == pytest.approx(saved, abs=128)  # the header's own words
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("masked", [False, True])
def test_a_file_that_does_not_give_a_tensor_back_is_no_measurement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, masked: bool
) -> None:
    values = {"w": torch.randn(8, 8)}
    masks = {"w": packed(torch.rand(8, 8) < 0.5)} if masked else {}
    read = Compressed.__call__
    monkeypatch.setattr(Compressed, "__call__", lambda self, name: -read(self, name))
    with pytest.raises(ExperimentError, match="does not give w back"):
        stored_size(values, values.__getitem__, masks, tmp_path)


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="cannot be kept in gone"):
        stored_size(["w"], lambda name: torch.ones(1), {}, tmp_path / "gone")
