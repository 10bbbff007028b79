"""Exactly as many weights go as were asked for, the smallest, ties by lowest flat index."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.utils import prune

from suite.pruning.choose import choose
from suite.pruning.keys import magnitude_keys, random_keys
from suite.pruning.masks import budget_counts, mask_digest, packed
from suite.pruning.select import select_lowest, select_lowest_in_rows

DTYPES = [torch.float16, torch.bfloat16, torch.float32]


def by_sorting(weight: Tensor, count: int) -> Tensor:
    """The plain way: a stable sort of the magnitudes."""
    order = weight.float().abs().flatten().sort(stable=True).indices[:count]
    removed = torch.zeros(weight.numel(), dtype=torch.bool)
    removed[order] = True
    return removed.view(weight.shape)


@st.composite
def weights(draw: st.DrawFn) -> Tensor:
    """Weights with many ties, zeros of both signs, subnormals and infinities among them."""
    dtype = draw(st.sampled_from(DTYPES))
    values = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 6e-8, -6e-8, 1e-3, float("inf"), 3.14159]) | st.floats(-4, 4)
    rows, columns = draw(st.integers(1, 6)), draw(st.integers(1, 9))
    flat = draw(st.lists(values, min_size=rows * columns, max_size=rows * columns))
    return torch.tensor(flat, dtype=torch.float32).to(dtype).view(rows, columns)


@given(weights(), st.floats(0, 1))
def test_a_tensor_loses_what_a_plain_sort_says(weight: Tensor, sparsity: float) -> None:
    ((_, removed, *_),) = choose(
        {"w": weight.numel()}, lambda _: weight, criterion="magnitude", scope="tensor", sparsity=sparsity
    )
    assert torch.equal(removed, by_sorting(weight, round(sparsity * weight.numel())))


@given(st.lists(weights(), min_size=1, max_size=4), st.floats(0, 1))
def test_the_global_scope_ranks_all_tensors_together(tensors: list[Tensor], sparsity: float) -> None:
    tensors = [tensor.float() for tensor in tensors]
    named = {f"w{i}": tensor for i, tensor in enumerate(tensors)}
    chosen = choose(
        {name: tensor.numel() for name, tensor in named.items()},
        named.__getitem__,
        criterion="magnitude",
        scope="global",
        sparsity=sparsity,
    )
    joined = torch.cat([removed.flatten() for _, removed, *_ in chosen])
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    assert torch.equal(joined, by_sorting(flat, round(sparsity * flat.numel())))


@given(weights(), st.floats(0, 1))
def test_the_row_scope_takes_as_many_from_every_row(weight: Tensor, sparsity: float) -> None:
    ((_, removed, *_),) = choose(
        {"w": weight.numel()}, lambda _: weight, criterion="magnitude", scope="row", sparsity=sparsity
    )
    count = round(sparsity * weight.shape[1])
    assert torch.equal(removed, torch.stack([by_sorting(row, count) for row in weight]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_large_tensors_are_exact_too(dtype: torch.dtype) -> None:
    weight = torch.randn(700, 900, generator=torch.Generator().manual_seed(0)).to(dtype)
    for sparsity in (0.001, 0.3, 0.5, 0.77, 0.999):
        ((_, removed, *_),) = choose(
            {"w": weight.numel()}, lambda _: weight, criterion="magnitude", scope="tensor", sparsity=sparsity
        )
        assert torch.equal(removed, by_sorting(weight, round(sparsity * weight.numel())))


def test_equal_to_torch_prune_where_there_are_no_ties() -> None:
    weight = torch.randperm(60_000, generator=torch.Generator().manual_seed(1)).float().view(200, 300) - 30_000.5
    module = torch.nn.Linear(300, 200, bias=False)
    module.weight.data = weight + 0.25 * torch.rand(1)  # no two magnitudes alike
    for sparsity in (0.1, 0.5, 0.9):
        ((_, removed, *_),) = choose(
            {"w": 60_000}, lambda _: module.weight, criterion="magnitude", scope="tensor", sparsity=sparsity
        )
        theirs = torch.nn.Linear(300, 200, bias=False)
        theirs.weight.data = module.weight.data.clone()
        prune.l1_unstructured(theirs, "weight", amount=sparsity)
        assert torch.equal(~removed, theirs.weight_mask.bool())


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=12), st.floats(0, 1))
def test_a_budget_is_spread_to_the_exact_total(sizes: list[int], share: float) -> None:
    total = round(share * sum(sizes))
    counts = budget_counts(sizes, total)
    assert sum(counts) == total
    assert all(0 <= count <= size for count, size in zip(counts, sizes, strict=True))
    assert all(abs(count - total * size / sum(sizes)) < 1 for count, size in zip(counts, sizes, strict=True))


def test_a_budget_removes_its_total_from_any_target() -> None:
    tensors = {f"w{i}": torch.randn(3, 7 + i) for i in range(5)}
    sizes = {name: tensor.numel() for name, tensor in tensors.items()}
    for scope in ("tensor", "global"):
        chosen = choose(sizes, tensors.__getitem__, criterion="magnitude", scope=scope, sparsity=0.5, total=37)
        assert sum(int(removed.sum()) for _, removed, *_ in chosen) == 37


def test_random_masks_follow_from_seed_and_name_alone() -> None:
    keys = random_keys(torch.Size([4, 5]), seed=0, name="model.layers.0.mlp.up_proj.weight")
    assert keys.flatten()[:4].tolist() == [816578386, 837892803, 1696943517, 865696214]
    assert not torch.equal(keys, random_keys(torch.Size([4, 5]), seed=1, name="model.layers.0.mlp.up_proj.weight"))
    assert not torch.equal(keys, random_keys(torch.Size([4, 5]), seed=0, name="model.layers.1.mlp.up_proj.weight"))
    odd = random_keys(torch.Size([7]), seed=0, name="a")
    assert torch.equal(odd, random_keys(torch.Size([8]), seed=0, name="a")[:7])


def test_random_keys_are_uniform() -> None:
    keys = random_keys(torch.Size([200_000]), seed=3, name="w").numpy() / 2**31
    assert keys.min() >= 0
    assert keys.max() < 1
    counts, _ = np.histogram(keys, bins=20, range=(0, 1))
    assert abs(counts - 10_000).max() < 5 * 10_000**0.5


def test_random_pruning_is_exact() -> None:
    weight = torch.randn(33, 47)
    ((_, removed, *_),) = choose(
        {"w": weight.numel()}, lambda _: weight, criterion="random", scope="tensor", sparsity=0.37, seed=5
    )
    assert int(removed.sum()) == round(0.37 * weight.numel())


@settings(max_examples=30)
@given(weights())
def test_keys_sort_like_magnitudes(weight: Tensor) -> None:
    keys = magnitude_keys(weight)
    keys = (keys & torch.iinfo(keys.dtype).max).flatten()  # the sign bit does not count
    magnitudes = weight.float().abs().flatten()
    assert torch.equal(keys[:, None] < keys[None, :], magnitudes[:, None] < magnitudes[None, :])


def test_a_digest_is_that_of_the_packed_bits_in_the_order_of_names() -> None:
    import hashlib

    removed = torch.tensor([True, False, True, False, False, False, False, False, True, False])
    bits = np.packbits((~removed).numpy()).tobytes()
    assert bits == bytes([0b01011111, 0b01000000])
    both = mask_digest({"b": packed(removed), "a": packed(~removed)})
    assert both == hashlib.sha256(np.packbits(removed.numpy()).tobytes() + bits).hexdigest()


def test_scope_published_takes_ties_and_the_weight_at_the_rank() -> None:
    """The published code: `W <= sorted(W.flatten())[int(n * s)]`."""
    weight = torch.tensor([[0.5, -0.25, 0.25, 1.0], [0.75, 0.25, -2.0, 0.125]])
    for sparsity in (0.1, 0.13, 0.3, 0.5, 0.99):
        threshold = weight.abs().flatten().sort().values[int(weight.numel() * sparsity)]
        ((_, removed, *_),) = choose(
            {"w": weight.numel()}, lambda _: weight, criterion="magnitude", scope="reference", sparsity=sparsity
        )
        assert torch.equal(removed, weight.abs() <= threshold)


@pytest.mark.parametrize("count", [-1, 13])
def test_impossible_counts_are_refused(count: int) -> None:
    key = torch.zeros(3, 4, dtype=torch.int16)
    with pytest.raises(ValueError, match="cannot select"):
        list(select_lowest(lambda: (key,), count))
    with pytest.raises(ValueError, match="cannot select"):
        select_lowest_in_rows(key, count)


def test_other_dtypes_are_refused() -> None:
    with pytest.raises(TypeError, match="float64"):
        magnitude_keys(torch.zeros(2, dtype=torch.float64))
