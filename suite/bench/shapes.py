"""Models to measure speed on: the shape of real ones, random weights, no download."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from huggingface_hub import save_torch_state_dict
from transformers import AutoConfig, PretrainedConfig

from suite.data.tokenizer import story_tokenizer
from suite.models.anatomy import Anatomy

SPREAD = 0.02  # standard deviation of the weights, as transformers initialises them
_MISTRAL: dict[str, object] = {"model_type": "mistral", "architectures": ["MistralForCausalLM"], "vocab_size": 32_000}
_CONTEXT: dict[str, object] = {"max_position_embeddings": 32_768, "sliding_window": None, "tie_word_embeddings": False}

# name: sizes. 0.4B has 415 million parameters; 7B is Mistral 7B v0.1 to the last one.
SHAPES: dict[str, dict[str, int]] = {
    "0.4B": {"hidden_size": 1024, "intermediate_size": 3712, "num_hidden_layers": 24, "num_attention_heads": 16}
    | {"num_key_value_heads": 8},
    "7B": {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32}
    | {"num_key_value_heads": 8},
}


def shaped(name: str, **sizes: int) -> PretrainedConfig:
    """The configuration of a shape; `sizes` overrule its own, for another size between."""
    settings: dict[str, Any] = _MISTRAL | _CONTEXT | SHAPES[name] | sizes
    config: PretrainedConfig = AutoConfig.for_model(**settings)
    return config


def write_shape(folder: Path, config: PretrainedConfig, dtype: torch.dtype, seed: int = 0) -> None:
    """Write a checkpoint of this shape: normal random weights of a fixed seed, norms of one, and a tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    config.dtype = dtype
    config.save_pretrained(folder)
    story_tokenizer().save_pretrained(folder)
    generator = torch.Generator().manual_seed(seed)

    def values(shape: tuple[int, ...]) -> torch.Tensor:
        if len(shape) == 1:
            return torch.ones(shape, dtype=dtype)
        return (torch.randn(shape, generator=generator) * SPREAD).to(dtype)

    parameters = Anatomy(config.to_dict()).parameters
    save_torch_state_dict({one.name: values(one.shape) for one in parameters}, folder)
