"""The configurations of real models, one of each family that is found in its class, and how many parameters each has.

Only what decides the shapes; the counts are those of the classes and, where published, of the model cards.
"""

from __future__ import annotations

from typing import Any


def sizes(
    hidden: int, inner: int, layers: int, heads: int, groups: int, vocabulary: int, **more: Any
) -> dict[str, Any]:
    return {
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": groups,
        "vocab_size": vocabulary,
        **more,
    }


# name: model_type, configuration, parameters
FULL_SIZE: dict[str, tuple[str, dict[str, Any], int]] = {
    "Qwen3-0.6B": (
        "qwen3",
        sizes(1024, 3072, 28, 16, 8, 151936, head_dim=128, tie_word_embeddings=True),
        596_049_920,
    ),
    "gemma-2b": ("gemma", sizes(2048, 16384, 18, 8, 1, 256000, head_dim=256), 2_506_172_416),
    "gemma-2-2b": ("gemma2", sizes(2304, 9216, 26, 8, 4, 256000, head_dim=256), 2_614_341_888),
    "gemma-3-270m": ("gemma3_text", sizes(640, 2048, 18, 4, 1, 262144, head_dim=256), 268_098_176),
    "Phi-3-mini-4k": ("phi3", sizes(3072, 8192, 32, 32, 32, 32064), 3_821_079_552),
    "OLMo-1B": ("olmo", sizes(2048, 8192, 16, 16, 16, 50304, tie_word_embeddings=True), 1_176_764_416),
    "OLMo-2-0425-1B": ("olmo2", sizes(2048, 8192, 16, 16, 16, 100352), 1_484_916_736),
    "SmolLM3-3B": ("smollm3", sizes(2048, 11008, 36, 16, 4, 128256, tie_word_embeddings=True), 3_075_098_624),
    "granite-3.0-2b": (
        "granite",
        sizes(2048, 8192, 40, 32, 8, 49155, tie_word_embeddings=True, logits_scaling=8.0),
        2_533_531_648,
    ),
    "stablelm-2-1.6b": (
        "stablelm",
        sizes(2048, 5632, 24, 32, 32, 100352, use_qkv_bias=True, tie_word_embeddings=False),
        1_644_515_328,
    ),
    "starcoder2-3b": ("starcoder2", sizes(3072, 12288, 30, 24, 2, 49152), 3_030_371_328),
    "c4ai-command-r-v01": ("cohere", sizes(8192, 22528, 40, 64, 64, 256000), 34_980_831_232),
    "gpt2": ("gpt2", {}, 124_439_808),
    "pythia-160m": ("gpt_neox", sizes(768, 3072, 12, 12, 12, 50304), 162_322_944),
    "opt-125m": ("opt", {}, 125_239_296),
    "bloom-560m": ("bloom", {"hidden_size": 1024, "n_layer": 24, "n_head": 16}, 559_214_592),
    "falcon-7b": ("falcon", {"multi_query": True, "parallel_attn": True, "bias": False}, 6_921_720_704),
    "mpt-7b": ("mpt", {"d_model": 4096, "n_layers": 32, "n_heads": 32, "vocab_size": 50432}, 6_649_286_656),
    "Mixtral-8x7B": ("mixtral", sizes(4096, 14336, 32, 32, 8, 32000), 46_702_792_704),
    "Qwen3-30B-A3B": (
        "qwen3_moe",
        sizes(2048, 6144, 48, 32, 4, 151936, head_dim=128, num_experts=128, moe_intermediate_size=768),
        30_532_122_624,
    ),
    "OLMoE-1B-7B": ("olmoe", sizes(2048, 1024, 16, 16, 16, 50304, num_experts=64), 6_919_161_856),
    "gpt-oss-20b": ("gpt_oss", sizes(2880, 2880, 24, 64, 8, 201088, num_local_experts=32), 20_914_757_184),
}
