"""The faster library's products are the usual ones but for rounding, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from suite.evaluation import products
from suite.evaluation.perplexity import token_losses
from suite.evaluation.products import fast_products
from suite.models.loading import load_model
from suite.models.source import from_catalogue

pytestmark = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available() or not hasattr(torch.ops.mkldnn, "_linear_pointwise"),
    reason="PyTorch was built without oneDNN",
)


@pytest.fixture(autouse=True)
def chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a processor where oneDNN is taken."""
    monkeypatch.setattr(products, "chosen", lambda: True)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(7, 96), (2, 5, 96)])
def test_a_product_is_the_usual_one_but_for_rounding(shape: tuple[int, ...], bias: bool) -> None:
    states, weight, offset = torch.randn(shape), torch.randn(50, 96), torch.randn(50) if bias else None
    exact = functional.linear(states.double(), weight.double(), None if offset is None else offset.double())
    with torch.inference_mode(), fast_products():
        found = functional.linear(states, weight, offset)
    assert found.dtype == torch.float32 and (found - exact).abs().max() < 1e-4


def test_what_learns_and_other_dtypes_are_computed_as_ever() -> None:
    usual = functional.linear
    with fast_products():
        assert functional.linear is not usual
        weight = torch.nn.Parameter(torch.randn(5, 8))
        functional.linear(torch.randn(3, 8), weight).sum().backward()
        assert weight.grad is not None
        with torch.inference_mode():
            assert functional.linear(torch.randn(3, 8).double(), weight.double()).dtype == torch.float64
            states, narrow = torch.randn(3, 8).bfloat16(), torch.randn(5, 8).bfloat16()
            assert torch.equal(functional.linear(states, narrow), usual(states, narrow))
    assert functional.linear is usual


def test_afterwards_all_is_as_before_whatever_happens() -> None:
    usual = functional.linear
    with pytest.raises(ValueError, match="on purpose"), fast_products():
        raise ValueError("on purpose")
    assert functional.linear is usual


def test_losses_are_the_same_to_seven_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_model(from_catalogue("story-phi"), "float32", "a test").model
    tokens = torch.randint(180, (8, 256), generator=torch.Generator().manual_seed(0))
    found = token_losses(model, tokens, 4)
    monkeypatch.setattr(products, "chosen", lambda: False)
    usual = token_losses(model, tokens, 4)
    assert np.abs(found - usual).max() < 1e-4 and abs(found.mean() / usual.mean() - 1) < 1e-7


def test_it_is_for_processors_of_amd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for vendor, expected in (("AuthenticAMD", True), ("GenuineIntel", False)):
        monkeypatch.setattr(Path, "read_text", lambda path, encoding, vendor=vendor: f"vendor_id\t: {vendor}\n")
        products.chosen.cache_clear()
        assert products.chosen() is expected
    products.chosen.cache_clear()
