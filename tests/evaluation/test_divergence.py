"""Agreement and KL are those of the full distributions, in chunks of any size; and no chunk is larger than allowed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from suite.evaluation import perplexity as perplexity_module
from suite.evaluation.divergence import DenseStates, Divergence
from suite.evaluation.perplexity import token_losses
from suite.models.loading import HEAD, load_model
from suite.models.source import from_folder


@pytest.mark.parametrize("architecture", ["mistral", "phi", "llama-tied"])
@pytest.mark.parametrize("logits_at_once", [2**24, 1000])
def test_they_are_those_of_the_whole_distributions(
    make_model: Callable[..., Path], architecture: str, logits_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(perplexity_module, "LOGITS_AT_ONCE", logits_at_once)
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


def test_the_head_never_sees_more_positions_than_a_chunk(
    make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What keeps the memory of evaluation free of the vocabulary's size (measured by ci/bench/evaluate_memory.py)."""
    monkeypatch.setattr(perplexity_module, "LOGITS_AT_ONCE", 1000)
    for dtype in ("float32", "bfloat16", "float16"):
        loaded = load_model(from_folder("m", make_model("mistral")), dtype, "a test")
        seen = []
        loaded.head.register_forward_hook(lambda module, args, output, seen=seen: seen.append(output.numel()))
        states = DenseStates()
        token_losses(loaded.model, torch.ones(2, 64, dtype=torch.int64), 2, observe=states)
        token_losses(
            loaded.model,
            torch.ones(2, 64, dtype=torch.int64),
            2,
            observe=Divergence(states, loaded.pristine_head()),
        )
        assert seen and max(seen) <= 1000


def test_states_of_other_batches_are_refused(make_model: Callable[..., Path]) -> None:
    loaded = load_model(from_folder("m", make_model("mistral")), "float32", "a test")
    tokens = torch.ones(4, 16, dtype=torch.int64)
    states = DenseStates()
    token_losses(loaded.model, tokens, 4, observe=states)
    with pytest.raises(ValueError, match="not the same batches"):
        token_losses(loaded.model, tokens, 2, observe=Divergence(states, loaded.pristine_head()))
