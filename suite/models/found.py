"""The anatomy of a model whose family is not declared, found in its class of transformers on the meta device.

The class is built from the configuration without memory for its weights: its list of blocks, its table, head and final
norm are found there, and each parameter's part by its kind and the name of its module. No code beside transformers' own
is run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import torch
from torch import nn
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
)
from transformers.pytorch_utils import Conv1D

from suite.errors import InputError, first_line
from suite.models.anatomy import Anatomy, Parts, Sizes
from suite.models.families import Config, Places
from suite.models.naming import is_router, part_of
from suite.models.parts import BLOCK, OTHER, Parameter

MOST = {"num_hidden_layers": 1_000, "num_attention_heads": 100_000, "vocab_size": 2**31, "hidden_size": 2**31}
MOST_EXPERTS = 10_000
CONTEXTS = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "max_sequence_length")
EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")
ACTIVE = ("num_experts_per_tok", "num_experts_per_token", "moe_top_k", "moe_k", "top_k_experts")
USUAL_CONTEXT = 2048
QUERIES = ("q", "qkv")  # without which there is no attention
_OF_LANGUAGE = re.compile(r"(ForCausalLM|LMHeadModel|LMHead|Model)$")


def found_anatomy(config: Config, parts: Parts = ()) -> Anatomy:
    """The anatomy of a decoder-only language model of transformers, from its configuration.

    Args:
        parts: patterns of the names of weights, each with the part that such a weight is.

    Raises:
        InputError: transformers knows no such model, it is no decoder-only language model with attention in every
            block, or a pattern fits nothing; one sentence says which.
    """
    return _found(json.dumps(config, sort_keys=True, default=str), parts)


@lru_cache(maxsize=16)
def _found(config: str, parts: Parts) -> Anatomy:
    described = configuration(json.loads(config))
    model = on_meta(described)
    name = type(model).__name__
    places = _places(model, described)
    parameters = list(_parameters(model, described, places, parts))
    _check_attention(name, parameters, described.num_hidden_layers)
    tied = all(parameter.part != "lm_head" for parameter in parameters)
    family = _OF_LANGUAGE.sub("", name)
    return Anatomy.found(family, _sizes(described, parameters), places, tied, parameters, name)


def configuration(config: Config) -> PreTrainedConfig:
    """What transformers makes of a config.json.

    Raises:
        InputError: it knows no such model; or it is none that predicts the next token by looking back alone.
    """
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        own_code = "; its own code (`auto_map`) is never run" if "auto_map" in config else ""
        raise InputError(f"the model's architecture is {kind!r:.40}, which transformers does not know{own_code}")
    settings = {key: value for key, value in config.items() if key not in ("model_type", "quantization_config")}
    try:
        made = CONFIG_MAPPING[kind](**settings)
    except Exception as error:  # of a configuration from anybody, transformers raises whatever comes up
        raise InputError(f"transformers takes no such {kind} configuration: {first_line(error)}") from error
    _check_kind(kind, made)
    _check_sizes(made)
    return made


def _check_kind(kind: str, made: PreTrainedConfig) -> None:
    if any(getattr(made, key, None) is not None for key in ("vision_config", "audio_config", "text_config")):
        raise InputError(f"{kind!r} models see or hear beside reading, and the suite prunes models of text alone")
    if getattr(made, "is_encoder_decoder", False):
        raise InputError(f"{kind!r} is an encoder with a decoder, and the suite prunes decoder-only language models")
    if kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES:
        raise InputError(f"{kind!r} is an encoder, and the suite prunes decoder-only language models")
    if type(made) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise InputError(f"transformers has no language model that predicts the next token for {kind!r}")


def _check_sizes(made: PreTrainedConfig) -> None:
    for key, most in MOST.items():
        size = getattr(made, key, None)
        if key == "num_attention_heads" and size is None:
            continue  # a model without attention, which is told by its blocks
        if type(size) is not int or not 0 < size <= most:
            raise InputError(f"{key} is a number from 1 to {most:,}, and found {size!r:.40}")
    for key in EXPERTS:
        if (size := getattr(made, key, None)) is not None and not (type(size) is int and 0 <= size <= MOST_EXPERTS):
            raise InputError(f"{key} is a number up to {MOST_EXPERTS:,}, and found {size!r:.40}")


def on_meta(config: PreTrainedConfig) -> PreTrainedModel:
    """The model's class, without memory for its weights.

    Raises:
        InputError: transformers cannot build it.
    """
    config._attn_implementation = "eager"  # a config.json may name code of the hub instead
    try:
        with torch.device("meta"):
            made: PreTrainedModel = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except Exception as error:  # of a configuration from anybody, transformers raises whatever comes up
        raise InputError(f"transformers cannot build a {config.model_type} model: {first_line(error)}") from error
    return made


def _places(model: PreTrainedModel, config: PreTrainedConfig) -> Places:
    names = {module: name for name, module in model.named_modules()}
    table, head = model.get_input_embeddings(), model.get_output_embeddings()
    if not isinstance(table, nn.Embedding) or not isinstance(head, nn.Linear):
        raise InputError(f"{type(model).__name__} has no table of tokens and no linear head, which the suite asks for")
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    lists = [one for one in lists if len(one) == config.num_hidden_layers]
    if not lists:
        count = config.num_hidden_layers
        raise InputError(f"no list of {count} blocks was found in {type(model).__name__}, so its layers are not known")
    blocks = max(lists, key=lambda one: sum(parameter.numel() for parameter in one.parameters()))
    return Places(names[blocks], names[table], names[head])


def _parameters(model: PreTrainedModel, config: PreTrainedConfig, places: Places, parts: Parts) -> Iterator[Parameter]:
    used = set()
    experts = _first(config, EXPERTS) or 0
    for name, parameter in model.named_parameters():
        module = model.get_submodule(name.rpartition(".")[0])
        within = re.match(rf"{re.escape(places.blocks)}\.(\d+)\.", name)
        part = _inside(name, parameter, module, experts) if within else _outside(name, module, places)
        if part in (*BLOCK, "router"):
            said = next((one for one in parts if _fits(name, one[0])), None)
            used.add(said)
            part = part if said is None else said[1]
        turned = part in BLOCK and _inputs_first(parameter, module, config.hidden_size, part)
        yield Parameter(name, tuple(parameter.shape), part, int(within[1]) if within else None, turned)
    if unused := [pattern for pattern, part in parts if (pattern, part) not in used]:
        raise InputError(f"parts: {unused[0]!r} fits no weight matrix of a block of this {type(model).__name__}")


def _fits(name: str, pattern: str) -> bool:
    """A pattern is of a parameter's or its module's name, or of its last words: `mixer.in_proj` as well as `*.in_*`."""
    module = name.removesuffix(".weight")
    return any(fnmatchcase(one, wanted) for one in (name, module) for wanted in (pattern, f"*.{pattern}"))


def _outside(name: str, module: nn.Module, places: Places) -> str:
    if name == f"{places.table}.weight":
        return "embeddings"
    if name == f"{places.head}.weight":
        return "lm_head"
    if "norm" in type(module).__name__.lower():
        return "norm"
    if name.endswith("bias"):
        return "bias"
    return "positions" if isinstance(module, nn.Embedding) else "outside"


def _inside(name: str, parameter: nn.Parameter, module: nn.Module, experts: int) -> str:
    where, _, own = name.rpartition(".")
    if "norm" in type(module).__name__.lower() or "norm" in own.lower():
        return "norm"
    if own.endswith("bias"):
        return "bias"
    if "sink" in own:
        return "sinks"
    if isinstance(module, nn.Embedding):
        return "positions"
    if parameter.dim() not in (2, 3) or isinstance(module, nn.Conv1d | nn.Conv2d):
        return "vector"
    mine = where if own == "weight" else name
    if is_router(mine, type(module).__name__, parameter.shape[0] in (1, experts)):
        return "router"
    return part_of(mine) or OTHER


def _inputs_first(parameter: nn.Parameter, module: nn.Module, hidden: int, part: str) -> bool:
    """Whether a matrix is [inputs, outputs]. Stacks of experts say it, else the side that is `hidden` wide does."""
    if parameter.dim() == 2:
        return isinstance(module, Conv1D)
    if (said := getattr(module, "is_transposed", None)) is not None:
        return bool(said)
    return parameter.shape[1 if part != "down" else 2] == hidden != parameter.shape[2 if part != "down" else 1]


def _check_attention(name: str, parameters: list[Parameter], layers: int) -> None:
    attending = {parameter.layer for parameter in parameters if parameter.part in QUERIES}
    if without := sorted(set(range(layers)) - attending):
        which = "none of its blocks has" if len(without) == layers else f"block {without[0]} has no"
        raise InputError(
            f"{which} attention that the suite knows in {name}; state-space models and their hybrids are not pruned "
            "(`parts:` names weights of attention that have other names)"
        )


def _sizes(config: PreTrainedConfig, parameters: list[Parameter]) -> Sizes:
    experts = max((parameter.matrices for parameter in parameters if parameter.part in BLOCK), default=1)
    active = min(experts, _first(config, ACTIVE) or experts)
    downs = [p.inputs * (active if p.stacked else 1) for p in parameters if p.part == "down"]
    return Sizes(
        layers=config.num_hidden_layers,
        context=_first(config, CONTEXTS) or USUAL_CONTEXT,
        heads=_first(config, ("num_attention_heads",)) or 1,
        hidden=config.hidden_size,
        inner=max(downs, default=_first(config, ("intermediate_size",)) or 4 * config.hidden_size),
        vocabulary=config.vocab_size,
        experts=experts,
        active=active,
    )


def _first(config: Any, keys: tuple[str, ...]) -> int | None:
    """The first of these that a configuration has as a number."""
    found = (getattr(config, key, None) for key in keys)
    return next((one for one in found if type(one) is int and one > 0), None)
