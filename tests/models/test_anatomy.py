"""Every parameter of every architecture falls in exactly one part, at full size; targets select what they name."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from suite.errors import InputError
from suite.models.anatomy import ATTENTION, BLOCK, MLP, OTHER, Anatomy, parse_layers
from suite.models.catalogue import MODELS

# name: layers, block linears, their weights, head weights (None: tied), parameters
TABLE = {
    "mistral-7b": (32, 224, 6_979_321_856, 131_072_000, 7_241_732_096),
    "qwen2.5-7b": (28, 196, 6_525_288_448, 544_997_376, 7_615_616_512),
    "smollm2-1.7b": (24, 168, 1_610_612_736, None, 1_711_376_384),
    "phi-2": (32, 192, 2_516_582_400, 131_072_000, 2_779_683_840),
    "qwen2.5-0.5b": (24, 168, 357_826_560, None, 494_032_768),
    "smollm2-135m": (30, 210, 106_168_320, None, 134_515_008),
    "smollm2-360m": (32, 224, 314_572_800, None, 361_821_120),
    "qwen2.5-1.5b": (28, 196, 1_310_195_712, None, 1_543_714_304),
    "llama-3.2-1b": (16, 112, 973_078_528, None, 1_235_814_400),
    "smollm2-135m-instruct": (30, 210, 106_168_320, None, 134_515_008),
    "gemma-3-270m": (18, 126, 100_270_080, None, 268_098_176),
    "qwen2.5-coder-1.5b-instruct": (28, 196, 1_310_195_712, 233_373_696, 1_777_088_000),
    "smollm2-135m-instruct-bf16": (30, 210, 106_168_320, None, 134_515_008),
    "qwen2.5-coder-1.5b-instruct-bf16": (28, 196, 1_310_195_712, None, 1_543_714_304),
}


def real_class(name: str) -> Any:
    """The model as transformers builds it, on the meta device: full size, no memory."""
    config = dict(MODELS[name].config)
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(AutoConfig.for_model(config.pop("model_type"), **config))


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_is_in_exactly_one_part(name: str) -> None:
    anatomy = Anatomy(MODELS[name].config)
    found = {key: tuple(value.shape) for key, value in real_class(name).named_parameters()}
    assert Counter(p.name for p in anatomy.parameters) == Counter(found.keys())
    assert {p.name: p.shape for p in anatomy.parameters} == found
    linears = {
        f"{key}.weight" for key, module in real_class(name).named_modules() if isinstance(module, torch.nn.Linear)
    }
    assert {p.name for p in anatomy.select("all", tied="untie")} == linears


@pytest.mark.parametrize("name", MODELS)
def test_counts_are_those_published(name: str) -> None:
    layers, linears, block_weights, head, parameters = TABLE[name]
    anatomy = Anatomy(MODELS[name].config)
    assert (anatomy.layers, len(anatomy.block_linears), anatomy.block_weights) == (layers, linears, block_weights)
    assert anatomy.tied == (head is None)
    assert anatomy.weights == parameters == MODELS[name].parameters
    if head is not None:
        assert anatomy.head.weights == head


@pytest.mark.parametrize("name", MODELS)
def test_the_named_targets_divide_the_blocks(name: str) -> None:
    anatomy = Anatomy(MODELS[name].config)
    blocks = set(anatomy.select("blocks"))
    for one, other in (("attention", "mlp"), ("early", "late")):
        first, second = set(anatomy.select(one)), set(anatomy.select(other))
        assert first | second == blocks
        assert not first & second
    early = {p.layer for p in anatomy.select("early")}
    assert early == set(range(anatomy.layers // 2))


def test_mistral_has_the_first_studys_225_linear_layers() -> None:
    assert len(Anatomy(MODELS["mistral-7b"].config).select("all")) == 225


def test_parts_and_layers_select_freely() -> None:
    anatomy = Anatomy(MODELS["mistral-7b"].config)
    names = [p.name for p in anatomy.select(None, ("q", "down"), "0-1")]
    assert names == [f"model.layers.{i}.{m}.weight" for i in (0, 1) for m in ("mlp.down_proj", "self_attn.q_proj")]
    assert {p.layer for p in anatomy.select("attention", layers="3,30-31")} == {3, 30, 31}
    assert {*ATTENTION, *MLP, OTHER} == set(BLOCK)


def test_a_tied_table_is_what_the_manifest_says() -> None:
    anatomy = Anatomy(MODELS["qwen2.5-0.5b"].config)
    assert [p.name for p in anatomy.select("lm_head", tied="untie")] == ["lm_head.weight"]
    assert [p.name for p in anatomy.select("embeddings", tied="untie")] == ["model.embed_tokens.weight"]
    assert [p.name for p in anatomy.select("lm_head", tied="both")] == ["model.embed_tokens.weight"]
    assert len(anatomy.select("all", tied="both")) == 169
    assert len(anatomy.select("all", tied="skip")) == 168
    with pytest.raises(InputError, match="tied: skip"):
        anatomy.select("lm_head", tied="skip")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("everything",), "target 'everything' is not one of all, blocks"),
        ((None, ("w",)), "part 'w' is not one of"),
        ((None, ("gate",)), "gate matches no weights"),
        (("blocks", None, "30-40"), "the model has 32 layers, 0 to 31"),
        (("early", None, "20"), "early in layers 20 matches no weights"),
        (("lm_head", None, "0"), "matches no weights"),
    ],
)
def test_a_target_that_matches_nothing_is_an_error(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Anatomy(MODELS["phi-2"].config).select(*arguments)


@pytest.mark.parametrize("text", ["", "a", "3-1", "-1", "1-", "1,,2", "0-999999999"])
def test_layers_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="layers"):
        parse_layers(text)


def test_an_architecture_that_is_not_declared_is_refused() -> None:
    with pytest.raises(InputError, match="'gpt2', and the suite declares the families mistral, llama, qwen2, phi"):
        Anatomy({"model_type": "gpt2"})
