"""The anatomy of a model: every parameter, the part it belongs to, and which parts a target selects.

Worked out from the configuration alone, without torch: `lottery plan` counts weights and bytes of a 7B model in
milliseconds. A test walks every parameter of the real classes (on the meta device, full size) against it.
To add an architecture: one function here that lists a block's parameters, and its line in `ARCHITECTURES`.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from suite.errors import InputError

Config = Mapping[str, Any]  # a Hugging Face config.json

ATTENTION = ("q", "k", "v", "o")
MLP = ("gate", "up", "down")
BLOCK = ATTENTION + MLP
TARGETS = ("all", "blocks", "attention", "mlp", "early", "late", "embeddings", "lm_head")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter tensor: its name in the checkpoint, shape, part, and layer (None outside the blocks).

    Parts: q k v o gate up down (the linear weights of a block), embeddings, lm_head, bias, norm.
    """

    name: str
    shape: tuple[int, ...]
    part: str
    layer: int | None = None

    @property
    def weights(self) -> int:
        return math.prod(self.shape)


Shapes = Iterator[tuple[str, tuple[int, ...], str]]


def _llama_block(config: Config, *, qkv_bias: bool) -> Shapes:
    """Mistral, Llama and Qwen2: q/k/v/o, a gated MLP, two RMS norms before attention and MLP."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    heads, kv_heads, head_dim = _heads(config)
    outputs = {"q": heads * head_dim, "k": kv_heads * head_dim, "v": kv_heads * head_dim}
    for part, width in outputs.items():
        yield f"self_attn.{part}_proj.weight", (width, hidden), part
        if qkv_bias:
            yield f"self_attn.{part}_proj.bias", (width,), "bias"
    yield "self_attn.o_proj.weight", (hidden, heads * head_dim), "o"
    yield "mlp.gate_proj.weight", (inner, hidden), "gate"
    yield "mlp.up_proj.weight", (inner, hidden), "up"
    yield "mlp.down_proj.weight", (hidden, inner), "down"
    yield "input_layernorm.weight", (hidden,), "norm"
    yield "post_attention_layernorm.weight", (hidden,), "norm"


def _phi_block(config: Config) -> Shapes:
    """Phi: attention and a plain MLP side by side behind one layer norm, biases everywhere."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    heads, kv_heads, head_dim = _heads(config)
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


def _heads(config: Config) -> tuple[int, int, int]:
    heads = config["num_attention_heads"]
    return (
        heads,
        config.get("num_key_value_heads") or heads,
        config.get("head_dim") or config["hidden_size"] // heads,
    )


@dataclass(frozen=True, slots=True)
class Architecture:
    """A family of models: its block, its final norm, and whether its head has a bias."""

    name: str
    block: Callable[[Config], Shapes]
    final_norm: str = "model.norm"
    biased: bool = False


ARCHITECTURES = {
    "mistral": Architecture("Mistral", lambda config: _llama_block(config, qkv_bias=False)),
    "llama": Architecture("Llama", lambda config: _llama_block(config, qkv_bias=False)),
    "qwen2": Architecture("Qwen2", lambda config: _llama_block(config, qkv_bias=True)),
    "phi": Architecture("Phi", _phi_block, final_norm="model.final_layernorm", biased=True),
}


def architecture(config: Config) -> Architecture:
    """The architecture of a configuration.

    Raises:
        InputError: its anatomy is not declared, so its targets are not known.
    """
    kind = config.get("model_type")
    if kind not in ARCHITECTURES or config.get("attention_bias") or config.get("mlp_bias"):
        known = ", ".join(ARCHITECTURES)
        found = f"{kind!r}" if kind not in ARCHITECTURES else f"{kind!r} with biases its family does not have"
        raise InputError(
            f"the model's architecture is {found}, and the suite knows the anatomy of {known}; "
            "declare it in suite/models/anatomy.py"
        )
    return ARCHITECTURES[kind]


class Anatomy:
    """Every parameter of a model, in the order of its name; a tied head is the embedding and not listed again."""

    def __init__(self, config: Config) -> None:
        self.architecture = architecture(config)
        self.layers: int = config["num_hidden_layers"]
        self.tied = bool(config.get("tie_word_embeddings", False))
        self.context: int = config.get("max_position_embeddings", 2048)
        self.heads, *_ = _heads(config)
        self.hidden: int = config["hidden_size"]
        self.inner: int = config["intermediate_size"]
        self.vocabulary: int = config["vocab_size"]
        self._consist_of(self._walk(config))

    def _consist_of(self, parameters: Iterable[Parameter]) -> None:
        self.parameters = tuple(sorted(parameters, key=lambda parameter: parameter.name))
        self.by_name = {parameter.name: parameter for parameter in self.parameters}
        self.weights = sum(parameter.weights for parameter in self.parameters)  # a tied one counted once
        self.block_linears = tuple(parameter for parameter in self.parameters if parameter.part in BLOCK)
        self.block_weights = sum(parameter.weights for parameter in self.block_linears)
        self._selected: dict[Any, tuple[Parameter, ...]] = {}  # as the cells of a study ask again and again

    def reduced(self, parameters: Iterable[Parameter], layers: int) -> Anatomy:
        """The anatomy of what remains of the model where it consists of these parameters, in so many layers."""
        smaller = copy.copy(self)
        smaller.layers = layers
        smaller._consist_of(parameters)
        return smaller

    def _walk(self, config: Config) -> Iterator[Parameter]:
        table = (self.vocabulary, self.hidden)
        yield Parameter("model.embed_tokens.weight", table, "embeddings")
        for layer in range(self.layers):
            for name, shape, part in self.architecture.block(config):
                yield Parameter(f"model.layers.{layer}.{name}", shape, part, layer)
        yield Parameter(f"{self.architecture.final_norm}.weight", (self.hidden,), "norm")
        if not self.tied:
            yield Parameter("lm_head.weight", table, "lm_head")
        if self.architecture.biased:
            yield Parameter(f"{self.architecture.final_norm}.bias", (self.hidden,), "norm")
            yield Parameter("lm_head.bias", (self.vocabulary,), "bias")

    def budget(self, share: float) -> int:
        """The exact number of weights that a budget, a share of the block weights, removes from any target."""
        return round(share * self.block_weights)

    @property
    def embeddings(self) -> Parameter:
        return self.by_name["model.embed_tokens.weight"]

    @property
    def head(self) -> Parameter:
        """The LM head; of a tied model, as the private copy that `tied: untie` would make."""
        return self.by_name.get("lm_head.weight") or Parameter("lm_head.weight", self.embeddings.shape, "lm_head")

    def select(
        self, target: str | None, part: tuple[str, ...] | None = None, layers: str | None = None, tied: str = "untie"
    ) -> tuple[Parameter, ...]:
        """The parameters a target, or freely chosen parts, may lose weights from, in the order of their names.

        Of a tied model the shared table is chosen as `embeddings` or as `lm_head` under `tied: untie` (the other keeps
        its values), as itself (`model.embed_tokens.weight`, once) under `both`, and not at all under `skip`.

        Raises:
            InputError: nothing matches, or a name is not one of the parts.
        """
        asked = target, part, layers, tied
        if asked not in self._selected:
            self._selected[asked] = self._select(*asked)
        return self._selected[asked]

    def _select(
        self, target: str | None, part: tuple[str, ...] | None, layers: str | None, tied: str
    ) -> tuple[Parameter, ...]:
        chosen = [self.block_linears, self._table(self.embeddings, tied), self._table(self.head, tied)]
        pool = {parameter.name: parameter for group in chosen for parameter in group}.values()
        parts, span = self._parts_and_layers(target, part, layers)
        # Under `both` the one shared table answers to either of its names.
        aliases = (
            {"embeddings", "lm_head"} if self.tied and tied == "both" and parts & {"embeddings", "lm_head"} else set()
        )
        selected = tuple(
            parameter
            for parameter in sorted(pool, key=lambda parameter: parameter.name)
            if parameter.part in parts | aliases and (span is None or parameter.layer in span)
        )
        if not selected:
            described = target or "+".join(part or ())
            where = f" in layers {layers}" if layers else ""
            why = "; its tied table is left out by `tied: skip`" if self.tied and tied == "skip" else ""
            raise InputError(f"{described}{where} matches no weights of this {self.architecture.name} model{why}")
        return selected

    def _table(self, table: Parameter, tied: str) -> tuple[Parameter, ...]:
        if self.tied and tied != "untie":
            return (self.embeddings,) if tied == "both" else ()
        return (table,)

    def _parts_and_layers(
        self, target: str | None, part: tuple[str, ...] | None, layers: str | None
    ) -> tuple[set[str], set[int] | None]:
        span = None if layers is None else parse_layers(layers, self.layers)
        if part is not None:
            known = {*BLOCK, "embeddings", "lm_head"}
            if unknown := set(part) - known:
                raise InputError(f"part {sorted(unknown)[0]!r} is not one of {', '.join(sorted(known))}")
            return set(part), span
        if target in ("early", "late"):
            half = set(range(self.layers // 2))
            half = half if target == "early" else set(range(self.layers)) - half
            return set(BLOCK), half if span is None else half & span
        parts = {
            "all": {*BLOCK, "lm_head"},
            "blocks": set(BLOCK),
            "attention": set(ATTENTION),
            "mlp": set(MLP),
            "embeddings": {"embeddings"},
            "lm_head": {"lm_head"},
        }
        if target not in parts:
            raise InputError(f"target {target!r} is not one of {', '.join(TARGETS)}")
        return parts[target], span


def parse_layers(text: str, count: int | None = None) -> set[int]:
    """The layers of `0-7` or `0,3,5-6`, counted from 0.

    Raises:
        InputError: it is not of that form, or a layer is not below `count`.
    """
    chosen: set[int] = set()
    for piece in str(text).split(","):
        first, dash, last = piece.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or (dash and int(last) < int(first)):
            raise InputError(f"layers {text!r} is not of the form 0-7 or 0,3,5-6")
        if int(last or first) > 100_000:
            raise InputError(f"layers {text!r} names a layer beyond any model's")
        chosen |= set(range(int(first), int(last or first) + 1))
    if count is not None and max(chosen) >= count:
        raise InputError(f"layers {text!r}: the model has {count} layers, 0 to {count - 1}")
    return chosen
