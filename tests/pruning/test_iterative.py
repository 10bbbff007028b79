"""Masks of iterative pruning: they only shrink, by exact counts; their controls keep the densities."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from suite.pruning.iterative import Mask, overlap, shuffled, smaller
from suite.training.levels import remaining

SHAPES = {"a": (7, 11), "b": (5, 3)}
WEIGHTS = 7 * 11 + 5 * 3


def whole() -> Mask:
    return {name: torch.ones(shape, dtype=torch.bool) for name, shape in SHAPES.items()}


def values(seed: int, coarse: bool = False) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    drawn = {name: torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}
    return {name: value.round() if coarse else value for name, value in drawn.items()}


def test_each_level_takes_a_fifth_of_what_is_left() -> None:
    assert [remaining(1000, 0.2, level) for level in range(4)] == [1000, 800, 640, 512]
    assert [remaining(3, 0.2, level) for level in range(3)] == [3, 2, 2]


@given(st.integers(0, 2**32), st.booleans(), st.floats(0.05, 0.9), st.integers(1, 6))
def test_masks_only_shrink_by_exact_counts_over_all_tensors(seed: int, coarse: bool, share: float, levels: int) -> None:
    mask = whole()
    for level in range(levels):
        left = remaining(WEIGHTS, share, level + 1)
        trained = {name: value * mask[name] for name, value in values(seed + level, coarse).items()}
        before, mask = mask, smaller(mask, trained, sum(int(m.sum()) for m in mask.values()) - left)
        assert sum(int(kept.sum()) for kept in mask.values()) == left
        assert all(not bool((mask[name] & ~before[name]).any()) for name in mask)
        kept = torch.cat([trained[name][mask[name]].abs() for name in mask])
        gone = torch.cat([trained[name][before[name] & ~mask[name]].abs() for name in mask])
        assert not len(kept) or not len(gone) or gone.max() <= kept.min()


def test_a_survivor_that_happens_to_be_zero_goes_before_others_and_not_in_their_stead() -> None:
    mask = {"a": torch.tensor([[True, True, False, True]])}
    assert smaller(mask, {"a": torch.tensor([[0.0, 2.0, 0.0, 1.0]])}, 1)["a"].tolist() == [[False, True, False, True]]


def test_more_than_survive_cannot_go() -> None:
    with pytest.raises(ValueError, match="cannot select"):
        smaller(whole(), values(0), WEIGHTS + 1)


@given(st.integers(0, 2**32), st.integers(0, 5))
def test_a_shuffled_mask_keeps_as_many_of_each_tensor_and_follows_from_its_seed(seed: int, other: int) -> None:
    mask = smaller(whole(), values(seed), 40)
    found = shuffled(mask, other)
    assert {name: int(kept.sum()) for name, kept in found.items()} == {n: int(k.sum()) for n, k in mask.items()}
    assert all(torch.equal(found[name], again) for name, again in shuffled(mask, other).items())


def test_overlap_by_hand() -> None:
    one = {"a": torch.tensor([True, True, False, False]), "b": torch.tensor([True, False])}
    other = {"a": torch.tensor([True, False, True, False]), "b": torch.tensor([True, False])}
    # of 3 survivors 2 are shared; chance: 2 x 2 / 4 + 1 x 1 / 2 = 1.5 of 3
    assert overlap(one, other) == (pytest.approx(2 / 3), pytest.approx(0.5))


def test_masks_of_chance_overlap_as_chance_has_it() -> None:
    mask = {"a": torch.rand(400, 100, generator=torch.Generator().manual_seed(0)) < 0.3}
    shared, expected = overlap(shuffled(mask, 1), shuffled(mask, 2))
    assert shared == pytest.approx(expected, abs=0.02)
