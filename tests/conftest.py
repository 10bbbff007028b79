"""Small models with random weights, one of each architecture, made when a test asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings
from transformers import AutoConfig, AutoModelForCausalLM

from suite.data import grammar
from suite.data.tokenizer import story_tokenizer

SIZES = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "mistral": {"model_type": "mistral", "num_key_value_heads": 2, "sliding_window": None},
    "qwen2": {"model_type": "qwen2", "num_key_value_heads": 2},
    "qwen2-tied": {"model_type": "qwen2", "num_key_value_heads": 2, "tie_word_embeddings": True},
    "llama-tied": {"model_type": "llama", "num_key_value_heads": 4, "tie_word_embeddings": True},
    "phi": {"model_type": "phi", "num_key_value_heads": 4},
}
# The same examples every time: a test that fails by chance says nothing of the change. Search wider by
# `pytest --hypothesis-profile explore`. And none fails for being slow, which says something of the machine.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", derandomize=False, deadline=None)
settings.load_profile("repeatable")
MakeModel = Callable[..., Path]
HEAD, TABLE = "lm_head.weight", "model.embed_tokens.weight"  # of all of these


@pytest.fixture(scope="session", autouse=True)
def _models_of_tests_may_be_named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A manifest in one temporary folder names the model in another."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOTTERY_DATA", str(tmp_path_factory.getbasetemp()))
        yield


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> MakeModel:
    """A function that writes a model directory: `make_model("phi", dtype=torch.bfloat16)`."""
    tokenizer = story_tokenizer()

    def make(architecture: str = "mistral", dtype: torch.dtype = torch.float16, seed: int = 0) -> Path:
        fields = {"tie_word_embeddings": False, **SIZES, **ARCHITECTURES[architecture]}
        model_type = fields.pop("model_type")
        config = AutoConfig.for_model(model_type, vocab_size=len(tokenizer), max_position_embeddings=512, **fields)
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        with torch.no_grad():
            for parameter in model.parameters():  # larger than the usual start, so that pruning shows
                parameter.add_(torch.randn_like(parameter) * 0.1)
        folder = tmp_path_factory.mktemp(f"{architecture}-model")
        model.to(dtype).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def mistral(make_model: MakeModel) -> Path:
    """The directory of a tiny Mistral; tests that change it copy it first."""
    return make_model("mistral")


@pytest.fixture
def write_manifest(tmp_path: Path, mistral: Path) -> Callable[..., Path]:
    """A function that writes a manifest over the tiny Mistral and returns its path."""

    def write(experiments: str = "[{target: blocks, sparsity: 0.5}]", **top: str) -> Path:
        (tmp_path / "few.txt").write_text("".join(grammar.join(grammar.write(3, index)) for index in range(12)))
        fields = {
            "title": "a study",
            "models": f"[{{name: tiny, path: {mistral}}}]",
            "text": "{name: few, path: few.txt}",
            "context": "64",
            **top,
            "experiments": experiments,
        }
        path = tmp_path / "study.yaml"
        path.write_text("".join(f"{key}: {value}\n" for key, value in fields.items() if value))
        return path

    return write
