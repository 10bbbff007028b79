"""The Hugging Face configuration that a GGUF file's header describes.

What `transformers.modeling_gguf_pytorch_utils.load_gguf_checkpoint(path)["config"]` gives, which a test holds it
against, and `num_key_value_heads` of a file that does not say it. Worked out here because that function reads every
token of the file's vocabulary, and imports torch.
"""

from __future__ import annotations

import math
from typing import Any

from suite.errors import InputError
from suite.gguf.header import Header, Skipped

_SIZES = {
    "context_length": "max_position_embeddings",
    "block_count": "num_hidden_layers",
    "feed_forward_length": "intermediate_size",
    "embedding_length": "hidden_size",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
    "attention.layer_norm_rms_epsilon": "rms_norm_eps",
    "rope.freq_base": "rope_theta",
    "vocab_size": "vocab_size",
}
# By the file's architecture: its keys, and what the configuration calls them.
FAMILIES = {
    "llama": {**_SIZES, "rope.dimension_count": "head_dim"},
    "qwen2": _SIZES,
    "gemma3": {**_SIZES, "attention.key_length": "head_dim", "attention.sliding_window": "sliding_window"},
}
_KINDS = {"gemma3": "gemma3_text"}  # what transformers calls them, where that is another name
_GENERAL = {"architecture": "model_type", "name": "_model_name_or_path"}
_TOKENS = {
    "ggml.bos_token_id": "bos_token_id",
    "ggml.eos_token_id": "eos_token_id",
    "ggml.unknown_token_id": "unk_token_id",
    "ggml.padding_token_id": "pad_token_id",
}
_NEEDED = (
    *("block_count", "embedding_length", "feed_forward_length", "attention.head_count"),
    *("context_length", "attention.layer_norm_rms_epsilon"),
)
_ALSO_NEEDED = {"gemma3": ("attention.key_length", "attention.sliding_window", "rope.freq_base")}
VOCABULARY = "tokenizer.ggml.tokens"


def configuration(header: Header) -> dict[str, Any]:
    """The configuration, `model_type` among it.

    Raises:
        InputError: the family is not one the suite reads from GGUF files; a key is missing or no number; or the file
            scales its rotary positions, which transformers does not read from a GGUF file.
    """
    family = header.architecture
    kind = _KINDS.get(family, family)
    if family not in FAMILIES:
        raise InputError(f"the suite reads {', '.join(FAMILIES)} from GGUF files, and found {family!r:.40}")
    if family == "llama" and header.metadata.get("general.name") == "mistral":  # one architecture to llama.cpp
        kind = "mistral"
    _check(header)
    config: dict[str, Any] = {"tie_word_embeddings": all(tensor.name != "output.weight" for tensor in header.tensors)}
    renames = {"general": _GENERAL, family: FAMILIES[family], "tokenizer": _TOKENS}
    for key, value in header.metadata.items():
        prefix, _, rest = key.partition(".")
        if (renamed := renames.get(prefix, {}).get(rest)) is not None:
            config[renamed] = value[0] if isinstance(value, tuple) and len(value) == 1 else value
    config["model_type"] = kind
    if f"{family}.attention.head_count_kv" not in header.metadata:  # as many as heads; transformers has other defaults,
        config["num_key_value_heads"] = config["num_attention_heads"]  # and would leave the rows of q and k as they are
    vocabulary = header.metadata.get(VOCABULARY)
    if "vocab_size" not in config and isinstance(vocabulary, Skipped):
        config["vocab_size"] = vocabulary.length
    _check_rotary(header, config)
    return config


def _check(header: Header) -> None:
    """The keys without which a default of transformers would be taken for what the model is."""
    family = header.architecture
    for key in (*_NEEDED, *_ALSO_NEEDED.get(family, ())):
        if f"{family}.{key}" not in header.metadata:
            raise InputError(f"{header.path} lacks the key {family}.{key}, without which the model is not known")
    for key in ("attention.layer_norm_rms_epsilon", "rope.freq_base"):
        value = header.metadata.get(f"{family}.{key}", 1.0)
        if type(value) not in (float, int) or not 0 < value < math.inf:  # type: ignore[operator]
            raise InputError(f"{header.path}: {family}.{key} is a positive number, and found {value!r:.40}")


def _check_rotary(header: Header, config: dict[str, Any]) -> None:
    """Refuse rotary positions that are not the plain ones, which transformers would take for plain, or cannot be."""
    family = header.architecture
    kind = header.metadata.get(f"{family}.rope.scaling.type", "none")
    factors = [header.metadata.get(f"{family}.rope.{key}", 1.0) for key in ("scaling.factor", "scale_linear")]
    how = [f"{kind!s:.40}"] if kind != "none" else []
    how += [f"by a factor of {factor!s:.40}" for factor in factors if factor not in (0.0, 1.0)]
    how += ["rope_freqs.weight" for tensor in header.tensors if tensor.name == "rope_freqs.weight"]
    if how:
        raise InputError(
            f"{header.path} scales its rotary positions ({', '.join(how)}), which "
            "transformers does not take over from a GGUF file, so that its perplexity would be wrong; take the model "
            "as safetensors"
        )
    heads, hidden = config["num_attention_heads"], config["hidden_size"]
    if type(heads) is type(hidden) is int and heads > 0:
        width = header.metadata.get(f"{family}.attention.key_length", hidden // heads)
        turned = header.metadata.get(f"{family}.rope.dimension_count", width)
        if turned != width:
            raise InputError(
                f"{header.path} turns {turned!r:.40} of the {width!r:.40} dimensions of a head by its position, and "
                "transformers would turn all of them; take the model as safetensors"
            )
        width = config.get("head_dim", hidden // heads)
        if type(width) is int and width % 2:
            raise InputError(
                f"{header.path}: its heads have {width} dimensions, and rotary positions turn them in pairs: an even "
                "number is expected"
            )
