"""Tiny random models of every family that the suite is held against, each a directory as transformers saves it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils.logging import disable_progress_bar

from suite.data.tokenizer import story_tokenizer

disable_progress_bar()

HIDDEN, INNER, LAYERS, HEADS = 32, 48, 2, 4
USUAL: dict[str, Any] = {
    "hidden_size": HIDDEN,
    "intermediate_size": INNER,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}
SLIDING = {"sliding_window": 16, "layer_types": ["sliding_attention", "full_attention"]}
GPT: dict[str, Any] = {"n_embd": HIDDEN, "n_layer": LAYERS, "n_head": HEADS, "n_positions": 128}
WIDE: dict[str, Any] = {key: USUAL[key] for key in ("hidden_size", "num_hidden_layers", "num_attention_heads")}
# What each adds to the usual sizes; a family whose names are others has its own.
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": USUAL,
    "mistral": {**USUAL, "sliding_window": 16},
    "qwen2": USUAL,
    "qwen3": {**USUAL, "head_dim": 8},
    "gemma": {**USUAL, "head_dim": 8},
    "gemma2": {**USUAL, **SLIDING, "head_dim": 8, "final_logit_softcapping": 3.0, "attn_logit_softcapping": 5.0},
    "gemma3_text": {**USUAL, **SLIDING, "head_dim": 8},
    "phi": USUAL,
    "phi3": {**USUAL, "pad_token_id": None},
    "olmo": USUAL,
    "olmo2": USUAL,
    "smollm3": {**USUAL, "no_rope_layers": [1, 0], "pad_token_id": None},
    "granite": {**USUAL, "logits_scaling": 3.0, "residual_multiplier": 0.5, "embedding_multiplier": 2.0},
    "stablelm": USUAL,
    "starcoder2": {**USUAL, "sliding_window": 16, "bos_token_id": 0, "eos_token_id": 0},
    "cohere": {**USUAL, "logit_scale": 0.25},
    "gpt2": GPT,
    "gpt_neox": {**USUAL, "rotary_pct": 0.5},
    "opt": {**WIDE, "ffn_dim": INNER, "max_position_embeddings": 128, "word_embed_proj_dim": HIDDEN},
    "bloom": {"hidden_size": HIDDEN, "n_layer": LAYERS, "n_head": HEADS},
    "falcon": {**WIDE, "new_decoder_architecture": False, "alibi": False, "ffn_hidden_size": INNER},
    "mpt": {"d_model": HIDDEN, "n_layers": LAYERS, "n_heads": HEADS, "max_seq_len": 128, "expansion_ratio": 2},
    "mixtral": {**USUAL, "num_local_experts": 4, "num_experts_per_tok": 2},
    "qwen3_moe": {**USUAL, "num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 24, "head_dim": 8},
    "olmoe": {**USUAL, "num_experts": 4, "num_experts_per_tok": 2},
    "gpt_oss": {**USUAL, **SLIDING, "num_local_experts": 4, "num_experts_per_tok": 2, "head_dim": 8},
}
MIXED = ("mixtral", "qwen3_moe", "olmoe", "gpt_oss")  # of experts
TIED = ("gemma", "gemma2", "gemma3_text", "gpt2", "opt", "bloom", "mpt", "falcon")  # by their class's own default


def write(folder: Path, family: str, dtype: torch.dtype = torch.float32, **fields: Any) -> Path:
    """Write a model of random weights, so large that pruning shows and experts are not all met alike."""
    tokenizer = story_tokenizer()
    special = {"bos_token_id": 0, "eos_token_id": 0}
    tied = {} if family in TIED else {"tie_word_embeddings": family == "cohere"}
    asked = {"vocab_size": len(tokenizer), **special, **tied, **FAMILIES[family], **fields}
    config = AutoConfig.for_model(family, **asked)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    model.to(dtype).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
