"""Families of models that the suite knows without torch: `lottery plan` counts the weights of 7B in milliseconds.

A test walks every parameter of the real classes (on the meta device, full size) against them. Any other family is
looked at in its class (`suite.models.found`). To declare one: a function that lists a block's parameters, and its line
in `ARCHITECTURES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from suite.models.parts import Parameter

Config = Mapping[str, Any]  # a Hugging Face config.json
Shapes = Iterator[tuple[str, tuple[int, ...], str]]


@dataclass(frozen=True, slots=True)
class Places:
    """Where a model keeps its parts: the names of its modules."""

    blocks: str = "model.layers"
    table: str = "model.embed_tokens"
    head: str = "lm_head"


def _llama_block(config: Config, *, qkv_bias: bool) -> Shapes:
    """Mistral, Llama and Qwen2: q/k/v/o, a gated MLP, two RMS norms before attention and MLP."""
    hidden = config["hidden_size"]
    heads, kv_heads, head_dim = head_sizes(config)
    outputs = {"q": heads * head_dim, "k": kv_heads * head_dim, "v": kv_heads * head_dim}
    for part, width in outputs.items():
        yield f"self_attn.{part}_proj.weight", (width, hidden), part
        if qkv_bias:
            yield f"self_attn.{part}_proj.bias", (width,), "bias"
    yield "self_attn.o_proj.weight", (hidden, heads * head_dim), "o"
    yield from _gated_mlp(config)
    yield "input_layernorm.weight", (hidden,), "norm"
    yield "post_attention_layernorm.weight", (hidden,), "norm"


def _gated_mlp(config: Config) -> Shapes:
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    yield "mlp.gate_proj.weight", (inner, hidden), "gate"
    yield "mlp.up_proj.weight", (inner, hidden), "up"
    yield "mlp.down_proj.weight", (hidden, inner), "down"


def _gemma3_block(config: Config) -> Shapes:
    """Gemma 3: as Llama, with a norm on either side of attention and MLP, and norms of queries and keys."""
    hidden, (_, _, head_dim) = config["hidden_size"], head_sizes(config)
    yield from _llama_block(config, qkv_bias=False)
    yield "pre_feedforward_layernorm.weight", (hidden,), "norm"
    yield "post_feedforward_layernorm.weight", (hidden,), "norm"
    yield "self_attn.q_norm.weight", (head_dim,), "norm"
    yield "self_attn.k_norm.weight", (head_dim,), "norm"


def _phi_block(config: Config) -> Shapes:
    """Phi: attention and a plain MLP side by side behind one layer norm, biases everywhere."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    heads, kv_heads, head_dim = head_sizes(config)
    linears = {
        "self_attn.q_proj": (heads * head_dim, hidden, "q"),
        "self_attn.k_proj": (kv_heads * head_dim, hidden, "k"),
        "self_attn.v_proj": (kv_heads * head_dim, hidden, "v"),
        "self_attn.dense": (hidden, heads * head_dim, "o"),
        "mlp.fc1": (inner, hidden, "up"),
        "mlp.fc2": (hidden, inner, "down"),
    }
    for module, (width, height, part) in linears.items():
        yield f"{module}.weight", (width, height), part
        yield f"{module}.bias", (width,), "bias"
    yield "input_layernorm.weight", (hidden,), "norm"
    yield "input_layernorm.bias", (hidden,), "norm"


def head_sizes(config: Config) -> tuple[int, int, int]:
    """How many heads of queries there are, how many of keys and values, and how wide each is."""
    heads = config["num_attention_heads"]
    return (
        heads,
        config.get("num_key_value_heads") or heads,
        config.get("head_dim") or config["hidden_size"] // heads,
    )


@dataclass(frozen=True, slots=True)
class Architecture:
    """A family of models: its block, its final norm, and whether that and its head have a bias."""

    name: str
    block: Callable[[Config], Shapes]
    final_norm: str = "model.norm"
    places: Places = Places()
    biased: bool = False
    tied: bool = False  # where its configuration does not say it

    def parameters(self, config: Config, layers: int, tied: bool) -> Iterator[Parameter]:
        """Every parameter of a model; a tied head is the table and not listed again."""
        hidden, vocabulary = config["hidden_size"], config["vocab_size"]
        yield Parameter(f"{self.places.table}.weight", (vocabulary, hidden), "embeddings")
        for layer in range(layers):
            for name, shape, part in self.block(config):
                yield Parameter(f"{self.places.blocks}.{layer}.{name}", shape, part, layer)
        yield Parameter(f"{self.final_norm}.weight", (hidden,), "norm")
        if not tied:
            yield Parameter(f"{self.places.head}.weight", (vocabulary, hidden), "lm_head")
        if self.biased:
            yield Parameter(f"{self.final_norm}.bias", (hidden,), "norm")
            yield Parameter(f"{self.places.head}.bias", (vocabulary,), "bias")


ARCHITECTURES = {
    "mistral": Architecture("Mistral", lambda config: _llama_block(config, qkv_bias=False)),
    "llama": Architecture("Llama", lambda config: _llama_block(config, qkv_bias=False)),
    "qwen2": Architecture("Qwen2", lambda config: _llama_block(config, qkv_bias=True)),
    "phi": Architecture("Phi", _phi_block, "model.final_layernorm", biased=True),
    "gemma3_text": Architecture("Gemma3", _gemma3_block, tied=True),
}


def family_of(config: Config) -> Architecture | None:
    """The family of a configuration; None where it is not declared."""
    kind = config.get("model_type")
    return ARCHITECTURES.get(kind) if isinstance(kind, str) else None


def declared(config: Config) -> bool:
    """Whether the parameters of a model are known from its configuration alone."""
    return family_of(config) is not None and not (config.get("attention_bias") or config.get("mlp_bias"))
