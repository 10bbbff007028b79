"""N:M patterns: of every M neighbours of a row exactly N go, those with the lowest scores."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from suite.pruning import pieces
from suite.pruning.choose import choose
from suite.pruning.select import select_lowest_in_groups, select_lowest_in_rows
from tests.pruning.test_criteria import CHOOSING, inputs_for, removed_from

PATTERNS = {"2:4": (2, 4), "4:8": (4, 8)}


@given(
    st.sampled_from(CHOOSING),
    st.sampled_from(list(PATTERNS)),
    st.integers(1, 5),
    st.integers(1, 31),
    st.booleans(),
)
def test_every_group_loses_exactly_its_share(criterion: str, pattern: str, rows: int, groups: int, ties: bool) -> None:
    count, width = PATTERNS[pattern]
    weight = torch.randn(rows, groups * width, generator=torch.Generator().manual_seed(groups))
    removed = removed_from(weight.round() if ties else weight, criterion, pattern=pattern)
    assert (removed.view(-1, width).sum(1) == count).all()


def test_the_lowest_of_a_group_go_and_of_equals_the_first() -> None:
    weight = torch.tensor([[1.0, 4.0, -2.0, 3.0, 5.0, 5.0, 5.0, 5.0], [0.0, 0.0, 7.0, 0.0, -9.0, 8.0, 6.0, -7.0]])
    removed = removed_from(weight, "magnitude", pattern="2:4")
    assert removed.int().tolist() == [[1, 0, 1, 0, 1, 1, 0, 0], [1, 1, 0, 0, 0, 0, 1, 1]]
    removed = removed_from(weight, "magnitude", pattern="4:8")
    assert removed.int().tolist() == [[1, 1, 1, 1, 0, 0, 0, 0], [1, 1, 0, 1, 0, 0, 1, 0]]


@pytest.mark.parametrize("criterion", CHOOSING)
def test_a_width_that_the_group_does_not_divide_is_refused(criterion: str) -> None:
    with pytest.raises(ValueError, match="rows of 6 weights are no whole groups of 4"):
        removed_from(torch.randn(2, 6), criterion, pattern="2:4")


@pytest.mark.parametrize("on_gpu", [False, True])
def test_rows_and_groups_in_pieces_are_those_of_a_plain_sort(monkeypatch: pytest.MonkeyPatch, on_gpu: bool) -> None:
    monkeypatch.setattr(pieces, "PIECE", 40)
    monkeypatch.setattr(pieces, "PIECE_ON_GPU", 64)
    monkeypatch.setattr(pieces, "SORTED", 32)
    monkeypatch.setattr(pieces, "_on_gpu", lambda tensor: on_gpu)
    generator = torch.Generator().manual_seed(0)
    for dtype in (torch.int16, torch.int32):
        key = torch.randint(-9, 9, (13, 16), dtype=dtype, generator=generator)
        magnitudes = key & torch.iinfo(dtype).max
        for width, count in ((4, 2), (8, 4), (4, 1), (4, 4)):
            assert torch.equal(select_lowest_in_groups(key, count, width), sorted_rows(magnitudes, count, width))
        for count in (0, 1, 7, 16):
            assert torch.equal(select_lowest_in_rows(key, count), sorted_rows(magnitudes, count, 16))


def sorted_rows(key: Tensor, count: int, width: int) -> Tensor:
    rows = key.view(-1, width)
    order = rows.sort(dim=1, stable=True).indices[:, :count]
    return torch.zeros_like(rows, dtype=torch.bool).scatter_(1, order, True).view(key.shape)


def test_sparsegpt_chooses_each_group_by_what_the_columns_before_left() -> None:
    weight = torch.randn(6, 160, generator=torch.Generator().manual_seed(1))
    inputs = inputs_for("sparsegpt", weight)
    ((_, removed, corrected, _),) = choose(
        {"w": weight.numel()}, lambda _: weight, criterion="sparsegpt", pattern="2:4", sparsity=0.5, inputs=inputs
    )
    assert corrected is not None
    scale = inputs("w").upper.diagonal()
    at_first = select_lowest_in_groups(((weight / scale) ** 2).view(torch.int32), 2, 4)
    assert torch.equal(removed[:, :4], at_first[:, :4])
    assert not torch.equal(removed, at_first)  # chosen before any correction
    assert (corrected[removed] == 0).all()
