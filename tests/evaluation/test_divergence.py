"""Agreement and KL are those of the full distributions, in chunks of any size; and no chunk is larger than allowed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from suite.evaluation import blocks
from suite.evaluation.blocks import HeadInBlocks
from suite.evaluation.divergence import DenseStates, Divergence
from suite.evaluation.perplexity import token_losses
from suite.evaluation.softmax import log_sum_exp
from suite.models.loading import load_model
from suite.models.source import from_folder
from tests.conftest import HEAD
from tests.evaluation.trained_like import trained_like


@pytest.mark.parametrize("architecture", ["mistral", "phi", "llama-tied"])
@pytest.mark.parametrize("logits_at_once", [2**24, 1000])
def test_they_are_those_of_the_whole_distributions(
    make_model: Callable[..., Path], architecture: str, logits_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "LOGITS_AT_ONCE", logits_at_once)
    loaded = load_model(from_folder("m", make_model(architecture)), "float32", "a test")
    tokens = torch.randint(0, 100, (5, 32), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        dense = loaded.model(tokens).logits[:, :-1].double().log_softmax(-1)
    states = DenseStates()
    token_losses(loaded.model, tokens, 2, observe=states)
    with loaded.untied(True):
        loaded.parameter("model.layers.1.self_attn.q_proj.weight").data.mul_(-1)
        loaded.parameter(HEAD).data[::3] = 0  # the head itself is pruned, and the dense one must still be pristine
        divergence = Divergence(states, loaded.pristine_head())
        token_losses(loaded.model, tokens, 2, observe=divergence)
        with torch.inference_mode():
            other = loaded.model(tokens).logits[:, :-1].double().log_softmax(-1)
    agreement, kl = divergence.result()
    assert agreement == pytest.approx(float((dense.argmax(-1) == other.argmax(-1)).double().mean()))
    assert kl == pytest.approx(float((dense.exp() * (dense - other)).sum(-1).mean()), rel=1e-4)
    assert kl > 0.01


@pytest.mark.parametrize("architecture", ["mistral", "phi", "llama-tied"])
@pytest.mark.parametrize("logits_at_once", [2**24, 1000])
def test_with_the_same_head_they_are_too_and_the_dense_head_need_not_run(
    make_model: Callable[..., Path], architecture: str, logits_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "LOGITS_AT_ONCE", logits_at_once)
    loaded = load_model(from_folder("m", make_model(architecture)), "float32", "a test")
    loaded.parameter(HEAD).data.mul_(20)  # far from uniform
    tokens = torch.randint(0, 100, (5, 32), generator=torch.Generator().manual_seed(0))
    states = DenseStates(loaded.head.weight)
    losses = token_losses(loaded.model, tokens, 2, observe=states)
    assert (losses == token_losses(loaded.model, tokens, 2)).all(), "what is kept changes no loss"
    itself = Divergence(states, not_run, same_head=True)
    token_losses(loaded.model, tokens, 2, observe=itself)
    assert itself.result() == (1.0, pytest.approx(0.0, abs=1e-15))
    wide = copy.deepcopy(loaded.model).double()
    dense = wide(tokens).logits[:, :-1].log_softmax(-1)
    for model in (loaded.model, wide):
        for matrix in filter(lambda parameter: parameter.ndim == 2, model.base_model.layers.parameters()):
            matrix.data.mul_(-1)
    other = wide(tokens).logits[:, :-1].log_softmax(-1)
    divergence = Divergence(states, not_run, same_head=True)
    token_losses(loaded.model, tokens, 2, observe=divergence)
    agreement, kl = divergence.result()
    assert agreement == float((dense.argmax(-1) == other.argmax(-1)).double().mean())
    assert kl == pytest.approx(float((dense.exp() * (dense - other)).sum(-1).mean()), rel=1e-5, abs=1e-6)
    assert kl > 0.005


def not_run(hidden: Tensor) -> Tensor:
    raise AssertionError("the dense head ran")


@pytest.mark.parametrize("vocabulary", [4_096, 49_152])
@pytest.mark.parametrize("tokens", [1_024, 8_192])
def test_mean_rows_have_no_bias_however_many_small_probabilities_there_are(vocabulary: int, tokens: int) -> None:
    logits, _ = trained_like(vocabulary)
    rows = torch.randn(vocabulary, 32, generator=torch.Generator().manual_seed(0)) + 1  # of one sign in the mean
    exact = logits.double().softmax(-1) @ rows.double()
    states, places = DenseStates(rows), torch.arange(len(logits))
    for start in range(0, vocabulary, tokens):
        some = slice(start, min(start + tokens, vocabulary))
        states.block(places, logits[:, some].clone(), some, log_sum_exp(logits[:, some]))
    states.chunk(places, log_sum_exp(logits))
    found = states.chunks[0].mean_rows
    assert found is not None and (found - exact).abs().max() < 1e-6 and abs((found - exact).mean()) < 1e-8


def test_no_more_logits_exist_at_once_than_allowed(
    make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What keeps the memory of evaluation free of the vocabulary's size (measured by ci/bench/evaluate_memory.py)."""
    monkeypatch.setattr(blocks, "LOGITS_AT_ONCE", 1000)
    seen, computed = [], HeadInBlocks.__call__

    def watched(head: HeadInBlocks, hidden: Tensor, some: slice) -> Tensor:
        logits = computed(head, hidden, some)
        seen.append(logits.untyped_storage().nbytes() // logits.element_size())
        return logits

    monkeypatch.setattr(HeadInBlocks, "__call__", watched)
    tokens = torch.ones(2, 64, dtype=torch.int64)
    for dtype in ("float32", "bfloat16", "float16"):
        for plain in (True, False):
            loaded = load_model(from_folder("m", make_model("mistral")), dtype, "a test")
            if not plain:
                loaded.head.register_forward_hook(lambda module, args, output: None)
            states = DenseStates()
            token_losses(loaded.model, tokens, 2, observe=states)
            token_losses(loaded.model, tokens, 2, observe=Divergence(states, loaded.pristine_head()))
            assert seen and max(seen) <= 1000
            seen.clear()


def test_states_of_other_batches_are_refused(make_model: Callable[..., Path]) -> None:
    loaded = load_model(from_folder("m", make_model("mistral")), "float32", "a test")
    tokens = torch.ones(4, 16, dtype=torch.int64)
    states = DenseStates()
    token_losses(loaded.model, tokens, 4, observe=states)
    with pytest.raises(ValueError, match="other batches"):
        token_losses(loaded.model, tokens, 2, observe=Divergence(states, loaded.pristine_head()))
