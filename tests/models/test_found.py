"""The anatomy of a model is found in its class: at full size, by the manifest's own words, and where there is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

from suite.errors import InputError
from suite.models.anatomy import Anatomy, anatomy_of
from suite.models.catalogue import MODELS
from suite.models.found import found_anatomy
from suite.models.loading import load_model
from suite.models.source import from_folder
from tests.models import families
from tests.models.full_size import FULL_SIZE


@pytest.mark.parametrize("name", FULL_SIZE)
def test_a_real_model_of_each_family_has_the_parameters_it_has(name: str) -> None:
    kind, config, parameters = FULL_SIZE[name]
    anatomy = anatomy_of({"model_type": kind, **config})
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **config))
    assert {p.name: p.shape for p in anatomy.parameters} == {n: tuple(p.shape) for n, p in model.named_parameters()}
    assert anatomy.weights == parameters
    linears = sum(
        parameter.numel()
        for name, parameter in model.named_parameters()
        if name.startswith(f"{anatomy.places.blocks}.")
        and parameter.dim() > 1
        and not name.endswith("bias")
        and not any(router in name for router in ("mlp.gate.weight", "router"))
    )
    assert anatomy.block_weights == linears


@pytest.mark.parametrize("name", MODELS)
def test_what_is_declared_is_what_would_be_found(name: str) -> None:
    declared, found = Anatomy(MODELS[name].config), found_anatomy(MODELS[name].config)
    assert declared.parameters == found.parameters
    assert (declared.sizes, declared.places, declared.tied) == (found.sizes, found.places, found.tied)


def test_biases_that_a_declared_family_may_have_are_found() -> None:
    config = {"model_type": "llama", **families.USUAL, "vocab_size": 100, "attention_bias": True, "mlp_bias": True}
    biases = [parameter for parameter in anatomy_of(config).parameters if parameter.part == "bias"]
    assert len(biases) == families.LAYERS * 7


REFUSED = {
    "encoder": ({"model_type": "bert"}, "'bert' is an encoder, and the suite prunes decoder-only"),
    "encoder and decoder": ({"model_type": "t5"}, "'t5' is an encoder with a decoder"),
    "state space": ({"model_type": "mamba"}, "none of its blocks has attention .* state-space models"),
    "recurrent": ({"model_type": "rwkv"}, "none of its blocks has attention"),
    "hybrid": ({"model_type": "jamba"}, "block 0 has no attention"),
    "vision": ({"model_type": "vit"}, "no language model that predicts the next token for 'vit'"),
    "vision and language": ({"model_type": "gemma3"}, "'gemma3' models see or hear beside reading"),
    "unknown": ({"model_type": "unheard"}, "'unheard', which transformers does not know"),
    "no type": ({}, "architecture is None, which transformers does not know"),
    "code of its own": (
        {"model_type": "mine", "auto_map": {"AutoModelForCausalLM": "modeling_mine.Mine"}},
        "its own code .* is never run",
    ),
    "impossible": ({"model_type": "gpt2", "n_layer": 10**9}, "num_hidden_layers is a number from 1 to 1,000"),
    "no number": ({"model_type": "gpt2", "n_embd": "wide"}, "transformers takes no such gpt2|hidden_size is a number"),
    "heads that do not divide": ({"model_type": "gpt2", "n_embd": 30, "n_head": 4}, "transformers cannot build a gpt2"),
    "quantised": ({"model_type": "gpt_oss", "quantization_config": {"quant_method": "mxfp4"}}, "quantised .mxfp4."),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_such_model_is_refused_in_one_sentence(tmp_path: Path, what: str) -> None:
    config, message = REFUSED[what]
    folder = families.write(tmp_path / "model", "llama")
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=message) as refused:
        from_folder("m", folder)
    assert "\n" not in str(refused.value)


GPT = {"model_type": "gpt2", **families.GPT, "vocab_size": 100}


def test_parts_are_said_by_patterns() -> None:
    found = found_anatomy(GPT, (("mlp.c_fc", "gate"), ("h.1.attn.c_p*", "other"), ("*.c_proj.weight", "o")))
    of = {parameter.name: parameter.part for parameter in found.parameters}
    assert of["transformer.h.0.mlp.c_fc.weight"] == "gate"
    assert of["transformer.h.1.attn.c_proj.weight"] == "other" and of["transformer.h.0.attn.c_proj.weight"] == "o"
    assert of["transformer.h.0.mlp.c_proj.weight"] == "o", "the first pattern that fits counts"
    assert of["transformer.h.0.attn.c_attn.weight"] == "qkv", "and what none fits is told by its name"


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((("nothing.*", "q"),), "'nothing.\\*' fits no weight matrix of a block of this GPT2LMHeadModel"),
        ((("ln_1", "q"),), "'ln_1' fits no weight matrix"),
        ((("wte", "q"),), "'wte' fits no weight matrix"),
        ((("c_fc", "up"), ("mlp.c_fc", "gate")), "'mlp.c_fc' fits no weight matrix"),
    ],
)
def test_a_pattern_that_says_nothing_is_refused(parts: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        found_anatomy(GPT, parts)


def test_a_matrix_that_no_name_tells_is_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("suite.models.naming", fromlist=["PARTS"]).PARTS, "c_fc", None)
    found = found_anatomy({**GPT, "n_positions": 64})
    other = {p.name for p in found.parameters if p.part == "other"}
    assert other == {f"transformer.h.{layer}.mlp.c_fc.weight" for layer in range(families.LAYERS)}
    assert other <= {p.name for p in found.select("blocks")} and other <= {p.name for p in found.select("all")}
    assert not other & {p.name for p in found.select("mlp")}


def test_old_files_without_the_bodys_name_are_read(tmp_path: Path) -> None:
    folder = families.write(tmp_path / "model", "gpt2")
    wanted = load_file(folder / "model.safetensors")
    old = {name.removeprefix("transformer."): value for name, value in wanted.items()}
    old["h.0.attn.bias"] = torch.ones(1, 1, 8, 8)  # a mask, which such files hold as well
    save_file(old, folder / "model.safetensors", {"format": "pt"})
    loaded = load_model(from_folder("m", folder), "float32", "a test")
    assert loaded.strays() == []
    assert all(torch.equal(loaded.stored(name), value) for name, value in wanted.items())
    assert not loaded.checkpoint._converted, "they are read from the file, and not kept on the host"


@pytest.mark.parametrize("family", ["mixtral", "qwen3_moe", "olmoe", "gpt_neox"])
def test_what_is_converted_at_loading_is_known_by_its_name_in_memory(tmp_path: Path, family: str) -> None:
    """As stored, in the checkpoint's dtype, whatever the model runs in."""
    folder = families.write(tmp_path / "model", family, torch.bfloat16)
    in_files = set(load_file(folder / "model.safetensors"))
    source = from_folder("m", folder)
    assert source.stored_dtype == "bfloat16"
    assert not {parameter.name for parameter in source.anatomy.parameters} <= in_files
    loaded = load_model(source, "float32", "a test")
    assert loaded.strays() == []
    for parameter in loaded.anatomy.parameters:
        assert loaded.stored(parameter.name).dtype == torch.bfloat16
        assert torch.equal(loaded.stored(parameter.name).float(), loaded.parameter(parameter.name))


def test_a_tensor_that_is_not_there_is_told(tmp_path: Path) -> None:
    folder = families.write(tmp_path / "model", "mixtral")
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.layers.0.self_attn.q_proj.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match="no values for model.layers.0.self_attn.q_proj.weight"):
        load_model(from_folder("m", folder), "float32", "a test")
