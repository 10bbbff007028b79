"""A removal makes zero what goes and nothing else; its mask and counts say what it did."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from suite.pruning import pieces
from suite.pruning.masks import packed, survives
from suite.pruning.pieces import each_piece, pack
from suite.pruning.remove import remove

DTYPES = [torch.float16, torch.bfloat16, torch.float32]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("stored", DTYPES)
@pytest.mark.parametrize("on_gpu", [False, True])
def test_what_goes_is_zero_and_the_rest_stays_to_the_bit(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, stored: torch.dtype, on_gpu: bool
) -> None:
    monkeypatch.setattr(pieces, "_on_gpu", lambda tensor: on_gpu)
    monkeypatch.setattr(pieces, "PIECE", 64)
    values = torch.randn(17, 19, generator=torch.Generator().manual_seed(0)).to(stored)
    values[3, :5], values[4, :5] = 0.0, -0.0
    values[5, 0], values[5, 1] = float("inf"), float("nan")
    gone = torch.rand(17, 19, generator=torch.Generator().manual_seed(1)) < 0.4
    weight = values.to(dtype, copy=True)
    expected = weight.masked_fill(gone, 0)
    done = remove(weight, gone, weight if dtype == stored else values)
    assert torch.equal(weight.view(torch.uint8), expected.view(torch.uint8))
    assert np.array_equal(done.mask, packed(gone))
    assert np.array_equal(survives(done.mask, gone.numel()), ~gone.numpy().reshape(-1))
    assert done.zeros_before == 10
    assert done.zeros == int((gone | (values == 0)).sum())


def test_zeros_are_those_of_what_is_stored_and_not_of_a_cast() -> None:
    values = torch.tensor([[1e-30, 1.0]])
    weight = values.half()
    assert remove(weight, torch.tensor([[False, False]]), values)[1:] == (0, 0)


@pytest.mark.parametrize("alias", [True, False])
def test_corrected_weights_take_their_place_and_zeros_before_are_of_those_before(alias: bool) -> None:
    values = torch.tensor([[0.0, 2.0, 3.0, 4.0]])
    weight = values if alias else values.half()
    done = remove(weight, torch.tensor([[False, True, False, False]]), values, torch.tensor([[5.0, 6.0, 0.0, 8.0]]))
    assert weight.tolist() == [[5.0, 0.0, 0.0, 8.0]]
    assert (done.zeros, done.zeros_before) == (2, 1)


@given(st.lists(st.booleans(), min_size=1, max_size=70))
def test_a_gpu_packs_bits_as_a_processor_does(true: list[bool]) -> None:
    mask = torch.tensor(true)
    assert np.array_equal(pack(mask), np.packbits(mask.numpy()))


def test_after_an_error_nobody_works_on_the_tensors_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a weight that is restored after an interruption would be made zero by a thread that comes late."""
    monkeypatch.setattr(pieces, "PIECE", 8)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    begun, ended = threading.Event(), threading.Event()

    def work(_: int, __: object) -> None:
        if threading.current_thread() is threading.main_thread():
            assert begun.wait(10)
            raise KeyboardInterrupt
        begun.set()
        time.sleep(0.05)
        ended.set()

    with pytest.raises(KeyboardInterrupt):
        each_piece(work, torch.zeros(16, dtype=torch.int16))
    assert ended.is_set()
