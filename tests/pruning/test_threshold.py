"""The threshold is exact whatever the sample said, with ties, in pieces, on any number of threads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from suite.pruning import pieces, threshold
from suite.pruning.select import select_at_or_below, select_lowest
from tests.pruning.test_selection import by_sorting

DTYPES = [torch.float16, torch.bfloat16, torch.float32]


def bits(weight: Tensor) -> Tensor:
    return weight.view(torch.int32 if weight.dtype == torch.float32 else torch.int16)


def lowest(tensors: list[Tensor], count: int) -> Tensor:
    return torch.cat([gone.flatten() for gone in select_lowest(lambda: map(bits, tensors), count)])


@pytest.fixture(params=[1, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("coarse", [False, True])
@pytest.mark.parametrize("on_gpu", [False, True])
def test_many_pieces_on_any_number_of_threads_are_one_tensor(
    monkeypatch: pytest.MonkeyPatch, threads: int, dtype: torch.dtype, coarse: bool, on_gpu: bool
) -> None:
    """What is done on a GPU is the same in torch's operations, which a processor knows too."""
    monkeypatch.setattr(pieces, "PIECE", 256)
    monkeypatch.setattr(pieces, "PIECE_ON_GPU", 1024)
    monkeypatch.setattr(pieces, "_on_gpu", lambda tensor: on_gpu)
    drawn = [torch.randn(rows, 37, generator=torch.Generator().manual_seed(rows)) for rows in (90, 1, 53)]
    tensors = [(one.mul(2).round() if coarse else one).to(dtype) for one in drawn]
    joined = torch.cat([one.flatten() for one in tensors])
    for count in (0, 1, 700, 2664, 4000, joined.numel()):
        assert torch.equal(lowest(tensors, count), by_sorting(joined, count))


@settings(max_examples=40)
@given(st.sampled_from(DTYPES), st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1), st.floats(0, 1))
def test_a_sample_that_misleads_changes_nothing(dtype: torch.dtype, one: int, other: int, share: float) -> None:
    weight = torch.randn(40, 30, generator=torch.Generator().manual_seed(one % 97)).to(dtype)
    shift = 0 if dtype == torch.float32 else 16
    anywhere = tuple(sorted((one >> shift, other >> shift)))
    count = round(share * weight.numel())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threshold, "_interval", lambda keys, rank: anywhere)
        patch.setattr(pieces, "_on_gpu", lambda tensor: one % 2 == 0)
        assert torch.equal(lowest([weight], count), by_sorting(weight.flatten(), count))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_sample_is_enough_for_ordinary_weights(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    def counted(*_: object) -> int:
        raise AssertionError("the sample misled")

    monkeypatch.setattr(threshold, "_counted", counted)
    weight = torch.randn(512, 1024, generator=torch.Generator().manual_seed(3))
    weight *= torch.logspace(-2, 2, 1024)  # columns unlike one another
    for count in (5, 52_429, 262_144, 524_000):
        assert int(lowest([weight.to(dtype)], count).sum()) == count


def test_many_equal_keys_are_counted_and_not_gathered(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = torch.randn(512, 1024, generator=torch.Generator().manual_seed(4)).half()
    weight[:300] = 0
    gathered: list[int] = []
    near = threshold._Near

    def watched(*fields: object) -> object:
        gathered.append(len(fields[3]))  # type: ignore[arg-type]
        return near(*fields)  # type: ignore[arg-type]

    monkeypatch.setattr(threshold, "_Near", watched)
    assert torch.equal(lowest([weight], 262_144), by_sorting(weight.flatten(), 262_144))
    assert sum(gathered) < 0.05 * weight.numel()


def test_infinities_and_not_a_number_sort_above_everything() -> None:
    weight = torch.tensor([float("nan"), 1.0, -float("inf"), -0.0, 0.0, -2.0])
    for count in range(7):
        assert lowest([weight], count).nonzero().flatten().tolist() == sorted([3, 4, 1, 5, 2, 0][:count])
    assert select_at_or_below(bits(weight), 0).tolist() == [False, False, False, True, True, False]
