"""DSnoT swaps weights as the formulas of its paper say, row by row, and never loses count of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from suite.models.statistics import moments
from suite.protocol import DSNOT_THRESHOLD
from suite.pruning.choose import choose
from suite.pruning.dsnot import Fed, averaged, dsnot
from tests.pruning.chosen import choice

ONES = torch.ones(6)


def windows(inputs: int, seed: int = 0) -> Tensor:
    """[windows, tokens, inputs], with means that are not zero."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(5, 40, inputs, generator=generator) + torch.randn(inputs, generator=generator)


def fed_by(given: Tensor) -> Fed:
    statistic: Tensor | None = None
    for window in given:
        statistic = moments(statistic, window)
    assert statistic is not None
    return averaged(statistic)


def test_a_row_of_six_by_hand() -> None:
    """d = w: the error is 1 + 2 - 3 = 0 at first in row 0, which stays; in row 1 it is 1 + 2 + 3 = 6.

    Back comes 3 (the largest gain), and of the negative ones that stay -4 goes: e = 6 - 3 - 4 = -1, the sign changed.
    As coded the row goes on: the removed one that is most negative is what comes back, and there is none.
    """
    weight = torch.tensor([[1.0, 2.0, -3.0, 4.0, 5.0, 6.0], [1.0, 2.0, 3.0, -4.0, -5.0, 6.0]])
    fed = Fed(ONES, ONES, ONES)
    found, _, told = dsnot(weight, fed, choice(weight, "dsnot", scope="row"), "paper", cycles=9)
    assert found.tolist() == [[True, True, True, False, False, False], [True, True, False, True, False, False]]
    assert told == {"swaps": 1, "rows that ended for want of weights to swap": 0}
    again, _, told = dsnot(weight, fed, choice(weight, "dsnot", scope="row"), "code", cycles=9)
    assert torch.equal(again, found) and told["rows that ended for want of weights to swap"] == 1


def test_what_comes_back_is_ranked_by_the_variance_of_its_input() -> None:
    weight = torch.tensor([[1.0, 2.0, 3.0, -4.0, -5.0, 6.0]])
    fed = Fed(ONES, ONES, torch.tensor([0.1, 1.0, 1.0, 1.0, 1.0, 1.0]))
    found, *_ = dsnot(weight, fed, choice(weight, "dsnot", scope="row"), "paper", cycles=1)
    assert found.tolist() == [[False, True, True, True, False, False]]


def by_the_paper(weight: Tensor, given: Tensor, gone: Tensor, cycles: int, as_coded: bool) -> Tensor:
    """One row after another with lists, float64."""
    given = given.double()
    sums, norms = given.sum(1).mean(0), given.square().sum(1).mean(0).sqrt()
    variances = ((given - given.mean(1, keepdim=True)) ** 2).mean(1).mean(0)
    found = gone.clone()
    for row, values in enumerate(weight.double()):
        d, score = values * sums, values.abs() * norms
        error, first, swapped = float(d[found[row]].sum()), None, set()
        for _ in range(cycles):
            side = 1 if error > 0 else -1
            first = first or side
            if abs(error) <= DSNOT_THRESHOLD or (side != first and not as_coded):
                break
            candidates = [j for j in range(len(values)) if j not in swapped]
            removed = [j for j in candidates if found[row, j] and side * d[j] > 0]
            kept = [j for j in candidates if not found[row, j]]
            undoing = sorted((j for j in kept if side * d[j] < 0), key=lambda j: float(score[j]))
            if as_coded:
                undoing += sorted((j for j in kept if side * d[j] >= 0), key=lambda j: -float(score[j]))
            if not removed or not undoing:
                break
            back, out = max(removed, key=lambda j: side * float(d[j] / variances[j])), undoing[0]
            found[row, back], found[row, out] = False, True
            swapped |= {back, out}
            error += float(d[out] - d[back])
    return found


@pytest.mark.parametrize("variant", ["paper", "code"])
@pytest.mark.parametrize("cycles", [1, 5, 50])
def test_the_same_as_the_formulas_in_float64(variant: Any, cycles: int) -> None:
    weight, given = torch.randn(30, 48, generator=torch.Generator().manual_seed(cycles)), windows(48)
    fed = fed_by(given)
    pick = choice(weight, "dsnot", scope="row")
    found, corrected, told = dsnot(weight, fed, pick, variant, cycles)
    assert corrected is None
    assert torch.equal(found, by_the_paper(weight, given, pick(weight * fed.norms), cycles, variant == "code"))
    assert 0 < told["swaps"] <= 30 * cycles


def test_the_code_leaves_the_mlp_as_wanda_has_it() -> None:
    weight, fed = torch.randn(20, 32), fed_by(windows(32))
    pick = choice(weight, "dsnot", name="model.layers.0.mlp.up_proj.weight")
    assert torch.equal(dsnot(weight, fed, pick, "code", 10)[0], pick(weight * fed.norms))
    assert not torch.equal(dsnot(weight, fed, pick, "paper", 10)[0], pick(weight * fed.norms))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 9),
    st.integers(2, 70),
    st.floats(0, 1),
    st.sampled_from(["tensor", "row", "reference", "2:4", "4:8"]),
    st.sampled_from(["paper", "code"]),
    st.integers(0, 2**16),
)
def test_every_row_and_group_loses_what_wanda_takes_of_it_however_many_cycles(
    rows: int, columns: int, sparsity: float, how: str, variant: Any, seed: int
) -> None:
    """On narrow layers 50 cycles are more than there are candidates."""
    pattern = how if ":" in how else None
    width = int(how[-1]) if pattern else 1
    weight = torch.randn(rows, columns * width, generator=torch.Generator().manual_seed(seed))
    fed = fed_by(windows(columns * width, seed))
    pick = choice(weight, "dsnot", sparsity, "tensor" if pattern else how, pattern)
    found, *_ = dsnot(weight, fed, pick, variant, 50)
    before = pick(weight * fed.norms)
    assert torch.equal(found.view(rows, -1, width).sum(2), before.view(rows, -1, width).sum(2)) or not pattern
    assert torch.equal(found.sum(1), before.sum(1))


def test_inputs_that_are_always_zero_neither_come_back_nor_go() -> None:
    given = windows(12)
    given[:, :, 3] = 0
    weight = torch.randn(50, 12)
    found, *_ = dsnot(weight, fed_by(given), choice(weight, "dsnot", 0.6, "row"), "paper", 50)
    assert found[:, 3].all()  # they go first, and nothing speaks for them


def test_it_is_asked_for_like_any_other() -> None:
    weight, fed = torch.randn(8, 16), fed_by(windows(16))
    how: dict[str, Any] = {"criterion": "dsnot", "sparsity": 0.5, "inputs": lambda _: fed}
    (usual,) = choose({"w": 128}, lambda _: weight, **how)
    (asked,) = choose({"w": 128}, lambda _: weight, **how, variant="paper", cycles=50)
    (once,) = choose({"w": 128}, lambda _: weight, **how, cycles=1)
    assert torch.equal(usual.removed, asked.removed) and usual.remarks == asked.remarks
    assert once.remarks["swaps"] <= 8
