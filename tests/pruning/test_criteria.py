"""Every criterion removes what its paper's formula says, and exactly as much as was asked for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from suite.models.statistics import statistic_of
from suite.pruning.choose import choose
from suite.pruning.criteria import CRITERIA, Criterion
from suite.pruning.wanda import wanda_scores

CHOOSING = [name for name, criterion in CRITERIA.items() if criterion.counts]  # single weights
TOKENS = torch.randn(64, 256, generator=torch.Generator().manual_seed(7))


def inputs_for(criterion: str, weight: Tensor) -> Any:
    """What the criterion wants to know of the same random inputs, for every layer."""
    fed = TOKENS[:, : weight.shape[1]] + TOKENS[:, 1 : weight.shape[1] + 1]
    if (looks := statistic_of(criterion)) is None:
        return None
    gather, finish = looks
    return lambda _: finish(gather(gather(None, fed[:40]), fed[40:]))


def removed_from(weight: Tensor, criterion: str, **how: Any) -> Tensor:
    (chosen,) = choose(
        {"w": weight.numel()},
        lambda _: weight,
        criterion=criterion,
        seed=0,
        inputs=inputs_for(criterion, weight),
        **{"sparsity": 0.5, **how},
    )
    return chosen.removed


def test_every_criterion_of_the_table_has_its_function() -> None:
    assert all(callable(criterion.resolve()) for criterion in CRITERIA.values())


def test_wanda_by_hand() -> None:
    weight = torch.tensor([[1.0, -2.0, 3.0, -4.0], [5.0, -6.0, 7.0, -8.0]])
    norms = torch.tensor([8.0, 4.0, 2.0, 1.0])
    assert wanda_scores(weight, norms).tolist() == [[8, 8, 6, 4], [40, 24, 14, 8]]
    how: dict[str, Any] = {"criterion": "wanda", "sparsity": 0.5, "inputs": lambda _: norms}
    (rows,) = choose({"w": 8}, lambda _: weight, scope="row", **how)
    assert rows.removed.tolist() == [[False, False, True, True]] * 2
    (whole,) = choose({"w": 8}, lambda _: weight, scope="tensor", **how)
    assert whole.removed.tolist() == [[True] * 4, [False] * 4]  # the third score of 8 is a tie, and comes last


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_wanda_scores_16_bit_weights_in_float32(dtype: torch.dtype) -> None:
    weight = torch.randn(5, 7).to(dtype)
    norms = torch.rand(7) * 1e5  # beyond float16
    assert torch.equal(wanda_scores(weight, norms), weight.float().abs() * norms)


def test_wanda_as_published_rounds_each_row_down() -> None:
    removed = removed_from(torch.randn(3, 7), "wanda", scope="reference", sparsity=0.5)
    assert removed.sum(1).tolist() == [3, 3, 3]


@settings(max_examples=40)
@given(st.sampled_from(CHOOSING), st.integers(1, 9), st.integers(1, 200), st.floats(0, 1))
def test_every_criterion_removes_exactly_as_many(criterion: str, rows: int, columns: int, sparsity: float) -> None:
    weight = torch.randn(rows, columns, generator=torch.Generator().manual_seed(rows * columns))
    removed = removed_from(weight, criterion, sparsity=sparsity)
    assert int(removed.sum()) == round(sparsity * weight.numel())


@pytest.mark.parametrize("criterion", CHOOSING)
def test_a_total_is_kept_by_every_criterion(criterion: str) -> None:
    tensors = {f"w{i}": torch.randn(5, 130 + i) for i in range(4)}
    sizes = {name: tensor.numel() for name, tensor in tensors.items()}
    for sparsity in (0.3, {name: 0.1 + 0.1 * i for i, name in enumerate(tensors)}):
        shares = dict.fromkeys(tensors, sparsity) if isinstance(sparsity, float) else sparsity
        total = round(sum(shares[name] * size for name, size in sizes.items()))  # type: ignore[operator]
        chosen = choose(
            sizes,
            tensors.__getitem__,
            criterion=criterion,
            sparsity=sparsity,
            total=total,
            seed=0,
            inputs=lambda name: inputs_for(criterion, tensors[name])(name),
        )
        counts = {one.name: int(one.removed.sum()) for one in chosen}
        assert sum(counts.values()) == total
        assert all(abs(counts[name] - shares[name] * sizes[name]) < 1.5 for name in sizes)  # type: ignore[operator]


@pytest.mark.parametrize("criterion", CHOOSING)
def test_a_scope_that_means_nothing_for_a_criterion_is_refused(criterion: str) -> None:
    for scope in {"tensor", "row", "global", "reference"} - set(CRITERIA[criterion].scopes):
        with pytest.raises(ValueError, match=f"{criterion} does not count over scope '{scope}'"):
            removed_from(torch.randn(4, 8), criterion, scope=scope)


def larger_first(weight: Tensor) -> Tensor:
    return 1 / (1 + weight.abs())


def test_a_new_criterion_is_a_function_and_its_line_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Criterion(f"{__name__}:larger_first", "nothing", ("tensor", "row", "global"))
    monkeypatch.setitem(CRITERIA, "upside-down", line)
    weight = torch.tensor([[1.0, -4.0, 2.0, 3.0]])
    for how in ({"scope": "tensor"}, {"scope": "row"}, {"scope": "global"}):
        assert removed_from(weight, "upside-down", **how).tolist() == [[False, True, False, True]]
    assert removed_from(weight, "upside-down", pattern="2:4").tolist() == [[False, True, False, True]]
