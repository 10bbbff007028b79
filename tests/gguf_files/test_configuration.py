"""The configuration, the names and the refusals of a GGUF file, worked out without transformers as it would do it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFWriter, dequantize
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.modeling_gguf_pytorch_utils import (
    GGUF_TO_TRANSFORMERS_MAPPING,
    TensorProcessor,
    get_gguf_hf_weights_map,
    load_gguf_checkpoint,
)

from suite.errors import InputError
from suite.gguf.configuration import FAMILIES, configuration
from suite.gguf.header import read_header
from suite.gguf.names import UNREADABLE, quantisation, tensors_by_parameter
from suite.models.anatomy import Anatomy
from suite.models.source import from_gguf
from tests.gguf_files import tiny


@pytest.mark.parametrize("family", list(FAMILIES))
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("name", ["tiny", "mistral", "mistral 7B", "a llama"])
def test_it_is_the_configuration_of_transformers(tmp_path: Path, family: str, tied: bool, name: str) -> None:
    path = tiny.write(tmp_path / "model.gguf", family, tied=tied, name=name)
    ours, theirs = configuration(read_header(path)), load_gguf_checkpoint(path, return_tensors=False)["config"]
    assert ours == theirs
    assert {key: type(value) for key, value in ours.items()} == {key: type(value) for key, value in theirs.items()}
    assert ours["tie_word_embeddings"] == tied and ours["vocab_size"] == len(tiny.TOKENS)
    kind = {"gemma3": "gemma3_text"}.get(family, family)
    assert ours["model_type"] == ("mistral" if (family, name) == ("llama", "mistral") else kind)


def test_it_knows_the_keys_that_transformers_knows() -> None:
    known = GGUF_TO_TRANSFORMERS_MAPPING["config"]
    for family, keys in FAMILIES.items():
        assert keys == {key: renamed for key, renamed in known[family].items() if renamed is not None}


@pytest.mark.parametrize("family", list(FAMILIES))
@pytest.mark.parametrize("tied", [True, False])
def test_tensors_are_named_as_transformers_names_them(tmp_path: Path, family: str, tied: bool) -> None:
    header = read_header(tiny.write(tmp_path / "model.gguf", family, tied=tied))
    config = configuration(header)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**config))
    theirs = get_gguf_hf_weights_map(model, TensorProcessor())
    found = tensors_by_parameter(header, Anatomy(config))
    assert {info.name: name for name, info in found.items()} == {
        name: renamed for name, renamed in theirs.items() if not tied or name != "output.weight"
    }


def test_a_mistral_is_found_by_its_name_and_read(tmp_path: Path) -> None:
    source = from_gguf("m", tiny.write(tmp_path / "model.gguf", name="mistral"))
    assert source.summary.architecture == "Mistral"


def test_the_types_that_cannot_be_dequantised_are_those_of_the_package() -> None:
    cannot = []
    for kind, (_, width) in GGML_QUANT_SIZES.items():
        try:
            dequantize(np.zeros((1, width), np.uint8), kind)
        except NotImplementedError:
            cannot.append(kind.name)
    assert sorted(cannot) == sorted(UNREADABLE)


def test_the_quantisation_is_that_of_the_matrices_most_weights_first(tmp_path: Path) -> None:
    def embedding(writer: GGUFWriter) -> None:
        shape = (len(tiny.TOKENS), tiny.HIDDEN)
        rng = np.random.default_rng(0)
        kind = GGMLQuantizationType.Q6_K
        writer.add_tensor("token_embd.weight", tiny.stored(kind, shape, rng), raw_dtype=kind)

    one = tiny.write(tmp_path / "one.gguf", kind="Q4_K")
    assert quantisation(read_header(one)) == "Q4_K"  # the norms are in float32
    two = tiny.write(tmp_path / "two.gguf", kind="Q4_K", change=embedding, without=("token_embd.weight",))
    assert from_gguf("two", two).summary.quantisation == "Q4_K and Q6_K"
    assert quantisation(read_header(tiny.write(tmp_path / "whole.gguf"))) == "F32"


def tensor(name: str, *shape: int) -> Callable[[GGUFWriter], None]:
    return lambda writer: writer.add_tensor(name, np.ones(shape, np.float32))


def key(name: str, value: object) -> Callable[[GGUFWriter], None]:
    add = {str: "add_string", float: "add_float32", int: "add_uint32", list: "add_array"}[type(value)]
    return lambda writer: getattr(writer, add)(name, value)


def removed(name: str) -> Callable[[GGUFWriter], None]:
    return lambda writer: writer.kv_data[0].pop(name)


def replaced(name: str, value: object) -> Callable[[GGUFWriter], None]:
    def change(writer: GGUFWriter) -> None:
        removed(name)(writer)
        key(name, value)(writer)

    return change


def doing(*changes: Callable[[GGUFWriter], None]) -> Callable[[GGUFWriter], None]:
    return lambda writer: [change(writer) for change in changes]  # type: ignore[return-value]


def heads_of(width: int) -> Callable[[GGUFWriter], None]:
    """Grouped by two, over a hidden size that is a multiple of the width."""
    heads = 12
    return doing(
        replaced("llama.embedding_length", heads * width),
        replaced("llama.attention.head_count", heads),
        replaced("llama.attention.head_count_kv", heads // 2),
        replaced("llama.rope.dimension_count", width),
    )


REFUSED = {
    "scales its rotary positions (linear)": {"change": key("llama.rope.scaling.type", "linear")},
    "scales its rotary positions (yarn)": {"change": key("llama.rope.scaling.type", "yarn")},
    "scales its rotary positions (rope_freqs.weight)": {"change": tensor("rope_freqs.weight", 32)},
    "scales its rotary positions (by a factor of 4.0)": {"change": key("llama.rope.scale_linear", 4.0)},
    "scales its rotary positions (yarn, by a factor of 8.0)": {
        "change": doing(key("llama.rope.scaling.type", "yarn"), key("llama.rope.scaling.factor", 8.0))
    },
    "its heads have 3 dimensions, and rotary positions turn them in pairs": {"change": heads_of(3)},
    "its heads have 1 dimensions, and rotary positions turn them in pairs": {"change": heads_of(1)},
    "turns 32 of the 64 dimensions of a head": {"change": replaced("llama.rope.dimension_count", 32)},
    "has no tensor blk.1.attn_k.weight": {"without": ("blk.1.attn_k.weight",)},
    "tensor 'blk.0.attn_q.bias' is no part of a Llama model": {"change": tensor("blk.0.attn_q.bias", 256)},
    "tensor blk.0.attn_q.weight has shape [256, 128], and its keys ask for [256, 256]": {
        "change": tensor("blk.0.attn_q.weight", 256, 128),
        "without": ("blk.0.attn_q.weight",),
    },
    "has no tensor blk.0.attn_k.bias": {"family": "qwen2", "without": ("blk.0.attn_k.bias",)},
    "tensor blk.0.ffn_up.weight is stored as F64": {
        "change": lambda writer: writer.add_tensor("blk.0.ffn_up.weight", np.ones((512, 256))),
        "without": ("blk.0.ffn_up.weight",),
    },
    "lacks the key llama.block_count": {"keys": False},
    "lacks the key llama.context_length": {"change": removed("llama.context_length")},
    "llama.attention.layer_norm_rms_epsilon is a positive number, and found 0.0": {
        "change": replaced("llama.attention.layer_norm_rms_epsilon", 0.0)
    },
    "num_hidden_layers is a number from 1 to 1,000, and found 4294967295": {
        "change": replaced("llama.block_count", 2**32 - 1)
    },
    "intermediate_size is a number from 1 to": {"change": replaced("llama.feed_forward_length", [512, 512])},
    "num_attention_heads is a number from 1 to": {"change": replaced("llama.attention.head_count", 0)},
    "the suite reads llama, qwen2, gemma3 from GGUF files, and found 'bert'": {"family": "bert"},
    "the suite reads llama, qwen2, gemma3 from GGUF files, and found 'mamba'": {"family": "mamba"},
    "the suite reads llama, qwen2, gemma3 from GGUF files, and found 'rwkv7'": {"family": "rwkv7"},
    "the suite reads llama, qwen2, gemma3 from GGUF files, and found 'phi2'": {"family": "phi2"},
    "the suite reads llama, qwen2, gemma3 from GGUF files, and found 'who-knows'": {"family": "who-knows"},
    "the suite reads llama, qwen2, gemma3 from GGUF files, and found 'phi'": {"family": "phi"},
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_would_be_read_wrongly_is_refused_by_name(tmp_path: Path, said: str) -> None:
    path = tiny.write(tmp_path / "model.gguf", **REFUSED[said])  # type: ignore[arg-type]
    with pytest.raises(InputError) as caught:
        from_gguf("tiny", path)
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert str(caught.value).startswith("model 'tiny': ")


def test_what_says_that_nothing_is_scaled_is_read(tmp_path: Path) -> None:
    plain = doing(key("llama.rope.scaling.type", "none"), key("llama.rope.scaling.factor", 1.0))
    from_gguf("tiny", tiny.write(tmp_path / "model.gguf", change=plain))


def test_a_model_is_known_without_torch_or_transformers(tmp_path: Path) -> None:
    path = tiny.write(tmp_path / "model.gguf")
    asked = "from suite.models.source import from_gguf\nfrom pathlib import Path\nimport sys\n"
    asked += f"from_gguf('tiny', Path({str(path)!r}))\nassert not {{'torch', 'transformers'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", asked], check=True)
