"""Losses and divergences have no bias: they are those of the same logits in float64, whatever dtype and vocabulary.

PyTorch's own log-softmax in float32 is held beside them, to show that these logits do tell the two apart.
"""

from __future__ import annotations

import math
from functools import reduce
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

from suite.data.source import text_from_catalogue
from suite.data.windows import make_windows
from suite.evaluation import blocks, softmax
from suite.evaluation.divergence import DenseStates, Divergence
from suite.evaluation.perplexity import token_losses
from suite.evaluation.softmax import Likeliest, TargetLosses, log_sum_exp
from suite.models.loading import load_model
from suite.models.source import from_catalogue, from_folder
from tests.evaluation.trained_like import trained_like

VOCABULARIES = [105, 183, 4_096, 49_152, 151_936, 262_144]
DTYPES = ["float32", "bfloat16", "float16"]


def losses_of(logits: Tensor, targets: Tensor, tokens: int = 2**30) -> Tensor:
    """By blocks of so many tokens."""
    losses, start = TargetLosses(targets), 0
    for block in logits.split(tokens, dim=1):
        losses.add(block, start)
        start += block.shape[1]
    return losses.nats()


def in_float64(logits: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(logits.double(), targets, reduction="none")


@pytest.mark.parametrize("tokens", [1_000, 2**30])
@pytest.mark.parametrize("vocabulary", VOCABULARIES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_losses_are_those_of_the_logits_in_float64_and_pytorchs_in_float32_are_not(
    vocabulary: int, dtype: str, tokens: int
) -> None:
    logits, targets = trained_like(vocabulary, getattr(torch, dtype))
    exact = in_float64(logits, targets)
    off = losses_of(logits, targets, tokens) - exact
    float32 = -functional.log_softmax(logits, -1, dtype=torch.float32).gather(1, targets[:, None]).squeeze(1)
    bias = float((float32 - exact).mean())
    assert bias < -1e-10 * vocabulary, "these logits show no bias: they prove nothing"
    assert off.abs().max() < 1e-6 and abs(off.mean()) < 1e-4 * abs(bias)


@pytest.fixture(scope="module")
def tokens() -> Tensor:
    loaded = load_model(from_catalogue("story-mistral"), "float32", "a test")
    return make_windows(text_from_catalogue("stories"), loaded.tokenizer, 256).tokens[:16]


@pytest.mark.parametrize("name", ["story-mistral", "story-phi"])
def test_a_trained_model_loses_what_it_does_in_float64(name: str, tokens: Tensor) -> None:
    """Products in float32 stray from token to token, and hardly in the mean."""
    found = token_losses(story(name, "float32"), tokens, 8)
    wide = story(name, "float32").double()
    with torch.inference_mode():
        logits = wide(tokens[:, :-1], use_cache=False).logits.flatten(0, 1)
        exact = in_float64(logits, tokens[:, 1:].flatten()).numpy()
    assert abs(found.mean() - exact.mean()) < 1e-7
    assert np.abs(found.ravel() - exact).max() < 1e-4


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_trained_models_losses_are_those_of_its_logits(dtype: str, tokens: Tensor) -> None:
    model = story("story-mistral", dtype)
    seen = Seen()
    found = token_losses(model, tokens, 8, observe=seen)
    exact = in_float64(torch.cat(seen.logits), tokens[:, 1:].flatten()).numpy()
    assert found.dtype == np.float64 and found.shape == (16, 255)
    assert abs(found.mean() - exact.mean()) < 1e-9
    assert np.abs(found.ravel() - exact).max() < 1e-6


class Seen:
    def __init__(self) -> None:
        self.logits: list[Tensor] = []

    def block(self, hidden: Tensor, logits: Tensor, tokens: slice, log_sum_exps: Tensor) -> None:
        self.logits.append(logits.clone())

    def chunk(self, hidden: Tensor, log_sum_exps: Tensor) -> None: ...


def story(name: str, dtype: str) -> PreTrainedModel:
    return load_model(from_catalogue(name), dtype, "a test").model


@pytest.mark.parametrize("rows", [1, 3, 10_000])
def test_a_loss_does_not_depend_on_how_many_are_computed_at_once(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    logits, targets = trained_like(4_096)
    whole = losses_of(logits, targets)
    monkeypatch.setattr(softmax, "IN_CACHE", rows * 4_096)
    chunks = [losses_of(z, t) for z, t in zip(logits.split(7), targets.split(7), strict=True)]
    assert torch.allclose(torch.cat(chunks), whole, rtol=0, atol=1e-12)


def test_nor_on_the_size_of_the_batch_but_for_the_products(
    mistral: Path, tokens: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Matrix products sum in another order where their shape is another; on float64 states that is nothing."""
    model = load_model(from_folder("m", mistral), "float32", "a test").model.double()
    whole = token_losses(model, tokens, 16)
    monkeypatch.setattr(blocks, "LOGITS_AT_ONCE", 10_000)
    for batch in (1, 3, 16):
        assert np.abs(token_losses(model, tokens, batch) - whole).max() < 1e-6, "exponentials are in float32"


@pytest.mark.parametrize("tokens", [1_000, 2**30])
@pytest.mark.parametrize("vocabulary", VOCABULARIES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_agreement_and_kl_are_those_of_the_logits_in_float64(vocabulary: int, dtype: str, tokens: int) -> None:
    dense, _ = trained_like(vocabulary, getattr(torch, dtype))
    other = (dense.float() + torch.randn(dense.shape, generator=torch.Generator().manual_seed(1))).to(dense.dtype)
    agreement, kl = divergence(dense, other, tokens)
    p, q = (logits.double().log_softmax(-1) for logits in (dense, other))
    assert agreement == float((p.argmax(-1) == q.argmax(-1)).double().mean())
    assert kl == pytest.approx(float((p.exp() * (p - q)).sum(-1).mean()), rel=1e-6, abs=1e-9)


def test_a_model_is_no_distance_from_itself() -> None:
    logits, _ = trained_like(4_096)
    assert divergence(logits, logits) == (1.0, pytest.approx(0.0, abs=1e-15))


def divergence(dense: Tensor, other: Tensor, tokens: int = 2**30) -> tuple[float, float]:
    states, places = DenseStates(), torch.arange(len(dense))
    found = Divergence(states, lambda places: dense[places])
    for observer, logits in ((states, dense), (found, other)):
        whole, start = log_sum_exp(logits), 0
        for block in logits.split(tokens, dim=1):
            observer.block(places, block, slice(start, start + block.shape[1]), log_sum_exp(block))
            start += block.shape[1]
        observer.chunk(places, whole)
    return found.result()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 1_000, 4_095])
def test_a_position_with_a_logit_that_is_not_finite_has_no_loss(dtype: str, bad: float, place: int) -> None:
    logits, targets = trained_like(4_096, getattr(torch, dtype))
    logits[5, place] = bad
    logits[7] = bad
    found = losses_of(logits, targets)
    assert [row for row, loss in enumerate(found.tolist()) if not math.isfinite(loss)] == [5, 7]


@pytest.mark.parametrize("vocabulary", [7, 105, 4_096, 151_936])
@pytest.mark.parametrize("tokens", [100, 1_024, 2**30])
def test_the_likeliest_token_is_the_first_of_equals(vocabulary: int, tokens: int) -> None:
    logits = torch.randint(9, (40, vocabulary), generator=torch.Generator().manual_seed(0)).float()
    logits[0], logits[1, -1] = 0, 100
    found = [Likeliest.of(block, start * tokens) for start, block in enumerate(logits.split(tokens, dim=1))]
    likeliest = reduce(Likeliest.or_later, found)
    assert likeliest.tokens.tolist() == [row.index(max(row)) for row in logits.tolist()]
    assert torch.equal(likeliest.largest, logits.amax(-1))


def test_logits_as_large_as_float32_has_them_are_finite() -> None:
    most = torch.finfo(torch.float32).max
    logits = torch.tensor([[most, -most, 0.0], [-most, -most, -most]])
    assert log_sum_exp(logits).tolist() == [most, pytest.approx(-most)]
