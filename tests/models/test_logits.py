"""Logits are what the model's class makes of its head, whatever that is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional
from transformers import Qwen3ForCausalLM
from transformers.modeling_outputs import CausalLMOutputWithPast

from suite.evaluation.blocks import HeadInBlocks
from suite.evaluation.divergence import DenseStates, Divergence
from suite.evaluation.perplexity import token_losses
from suite.models.loading import LoadedModel, load_model
from suite.models.logits import Rule, rule_of
from suite.models.pruned import pruned
from suite.models.source import from_folder
from tests.models import families
from tests.models.test_families import CALIBRATION, TOKENS, asked


def load(folder: Path, family: str, dtype: str = "float32", **fields: Any) -> LoadedModel:
    return load_model(from_folder("m", families.write(folder / family, family, **fields)), dtype, "a test")


def own(loaded: LoadedModel) -> Tensor:
    """The losses of the class's own forward pass, by a softmax in float64."""
    with torch.inference_mode():
        logits = loaded.model(TOKENS, use_cache=False).logits[:, :-1].double()
    return functional.cross_entropy(logits.flatten(0, 1), TOKENS[:, 1:].flatten(), reduction="none")


@pytest.mark.parametrize(
    ("family", "rule"),
    [
        ("gemma2", Rule(cap=3.0)),
        ("gemma3_text", Rule()),
        ("cohere", Rule(scale=0.25)),
        ("granite", Rule(divisor=3.0)),
        ("llama", Rule()),
        ("mpt", Rule()),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_what_a_configuration_says_of_logits_is_done(tmp_path: Path, family: str, rule: Rule, dtype: str) -> None:
    loaded = load(tmp_path, family, dtype)
    assert rule_of(loaded.model) == rule
    found = torch.from_numpy(token_losses(loaded.model, TOKENS, len(TOKENS))).flatten()
    assert (found - own(loaded)).abs().max() < (1e-6 if dtype == "float32" else 0.05)


def test_what_a_configuration_says_and_its_class_does_not_do_is_not_done(tmp_path: Path) -> None:
    loaded = load(tmp_path, "qwen3", logit_scale=7.0)
    assert loaded.model.config.logit_scale == 7.0 and rule_of(loaded.model) == Rule()
    assert (torch.from_numpy(token_losses(loaded.model, TOKENS, 2)).flatten() - own(loaded)).abs().max() < 1e-6


def test_what_nobody_says_is_left_to_the_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A class that changes what its head is fed, and what it gives."""

    def forward(self: Any, input_ids: Tensor, **_: object) -> CausalLMOutputWithPast:
        hidden = self.model(input_ids, use_cache=False).last_hidden_state
        return CausalLMOutputWithPast(logits=self.lm_head(hidden / 3).sinh() + torch.arange(self.config.vocab_size))

    monkeypatch.setattr(Qwen3ForCausalLM, "forward", forward)
    loaded = load(tmp_path, "qwen3")
    assert rule_of(loaded.model) is None
    states = DenseStates()
    found = token_losses(loaded.model, TOKENS, 2, observe=states)
    assert (torch.from_numpy(found).flatten() - own(loaded)).abs().max() < 1e-6
    with torch.inference_mode():
        dense = loaded.model(TOKENS).logits[:, :-1].double().log_softmax(-1)
    for criterion in ("magnitude", "wanda"):
        with pruned(loaded, asked(criterion, sparsity=0.1), CALIBRATION):
            observer = Divergence(states, HeadInBlocks.of(loaded.model, loaded.pristine_head()))
            token_losses(loaded.model, TOKENS, 2, observe=observer)
            with torch.inference_mode():
                other = loaded.model(TOKENS).logits[:, :-1].double().log_softmax(-1)
        expected = float((dense.exp() * (dense - other)).sum(-1).mean())
        assert observer.result()[1] == pytest.approx(expected, abs=1e-6)
    assert loaded.strays() == []
    assert np.array_equal(found, token_losses(loaded.model, TOKENS, 2)), "the head is the model's own again"
