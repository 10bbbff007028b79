"""What a GGUF file becomes: the very values, the same logits, the same token ids as transformers makes of it."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from gguf import GGUFReader, GGUFWriter, dequantize
from safetensors import safe_open
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.modeling_gguf_pytorch_utils import TENSOR_PROCESSORS, TensorProcessor, get_gguf_hf_weights_map

from suite.errors import InputError
from suite.gguf import values
from suite.gguf.configuration import FAMILIES, configuration
from suite.gguf.convert import convert
from suite.gguf.header import read_header
from suite.gguf.tokenizer import tokenizer_beside
from suite.models.loading import load_model, load_tokenizer
from suite.models.source import from_folder
from tests.gguf_files import tiny

KINDS = ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K")
TEXT = "The cat sat on the mat, and there were 1,234 others in it.\n\n  \u00dcber \u732b!"


def converted(path: Path, folder: Path, dtype: str = "float32", tokenizer: tuple[Path, ...] = ()) -> Path:
    folder.mkdir()
    convert(read_header(path), folder, dtype, tokenizer=tokenizer)
    return folder


def permuted_back(rows: np.ndarray, heads: int) -> np.ndarray:
    """Rows of a head as transformers has them: of each head llama.cpp has the halves interleaved."""
    halves = rows.shape[0] // heads // 2
    order = [head * 2 * halves + 2 * i + half for head in range(heads) for half in (0, 1) for i in range(halves)]
    return rows[order]


@pytest.mark.parametrize("family", list(FAMILIES))
@pytest.mark.parametrize("kind", KINDS)
def test_values_are_the_package_s_bit_for_bit(tmp_path: Path, family: str, kind: str, monkeypatch) -> None:
    monkeypatch.setattr(values, "AT_ONCE", 1 << 12)  # so that a tensor takes several turns
    path = tiny.write(tmp_path / "model.gguf", family, kind, tied=False)
    folder = converted(path, tmp_path / "model")
    header = read_header(path)
    config = AutoConfig.from_pretrained(folder)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    names = get_gguf_hf_weights_map(model, TENSOR_PROCESSORS.get(family, TensorProcessor)())
    with safe_open(folder / "model.safetensors", framework="np") as file:
        assert sorted(file.keys()) == sorted(dict(model.named_parameters()))
        for tensor in GGUFReader(path).tensors:
            expected = dequantize(tensor.data, tensor.tensor_type).reshape(tensor.shape[::-1])
            if family == "llama" and ("attn_q" in tensor.name or "attn_k" in tensor.name):
                expected = permuted_back(expected, tiny.HEADS if "attn_q" in tensor.name else tiny.GROUPS)
            if family == "gemma3" and "norm" in tensor.name:
                expected = expected - 1  # llama.cpp keeps what its norms multiply with, one more than they learn
            found = file.get_tensor(names[tensor.name])
            assert found.dtype == np.float32
            assert np.array_equal(found.view(np.uint32), expected.view(np.uint32)), tensor.name
    assert len(header.tensors) == len(names)


@pytest.mark.parametrize("family", list(FAMILIES))
@pytest.mark.parametrize("tied", [True, False])
def test_it_computes_what_transformers_computes_of_the_file(tmp_path: Path, family: str, tied: bool) -> None:
    path = tiny.write(tmp_path / "model.gguf", family, "Q8_0", tied=tied)
    loaded = load_model(from_folder("tiny", converted(path, tmp_path / "model")), "float32", "a test")
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="model.gguf", dtype=torch.float32).eval()
    tokens = torch.arange(40)[None] * 5 % len(tiny.TOKENS)
    with torch.no_grad():
        assert torch.equal(loaded.model(tokens).logits, theirs(tokens).logits)
    assert loaded.tied == tied
    loaded.close()


@pytest.mark.parametrize("family", list(FAMILIES))
def test_as_many_key_heads_as_heads_need_not_be_said(tmp_path: Path, family: str) -> None:
    """Older files of models without grouped queries leave the key out."""
    key = f"{family}.attention.head_count_kv"
    heads = {"said": lambda writer: writer.add_head_count_kv(tiny.HEADS), "silent": lambda writer: None}
    folders = []
    for name, add in heads.items():

        def change(writer, add=add) -> None:
            writer.kv_data[0].pop(key)
            add(writer)

        path = tiny.write(tmp_path / f"{name}.gguf", family, groups=tiny.HEADS, change=change)
        assert (key in read_header(path).metadata) == (name == "said")
        folders.append(converted(path, tmp_path / name))
    said, silent = folders
    for name in ("model.safetensors", "config.json"):
        assert (said / name).read_bytes() == (silent / name).read_bytes()


@pytest.mark.parametrize("family", list(FAMILIES))
def test_its_tokenizer_is_the_file_s(tmp_path: Path, family: str) -> None:
    path = tiny.write(tmp_path / "model.gguf", family)
    ours = load_tokenizer(from_folder("tiny", converted(path, tmp_path / "model")))
    theirs = AutoTokenizer.from_pretrained(tmp_path, gguf_file="model.gguf")
    assert ours(TEXT)["input_ids"] == theirs(TEXT)["input_ids"]
    assert (ours.bos_token, ours.eos_token) == tiny.SPECIAL
    assert ours("a<|im_end|>")["input_ids"][-1] == len(tiny.TOKENS) - 1


TEXTS = [
    *(
        "The cat is in the hat, hello.",
        "",
        " ",
        "  the   cat ",
        "\nthe\r\n\n cat\t",
        "\u732b und \u00dcber, 1,234 \U0001f600",
    ),
    *("<s>the</s> cat", "the <think> cat", "<unk>", "a <0x41>", "\u2581the", TEXT),
]


@pytest.mark.parametrize("bos", [None, True, False])
def test_its_sentencepiece_tokenizer_is_the_file_s(tmp_path: Path, bos: bool | None) -> None:
    change = lambda writer: None if bos is None else writer.add_add_bos_token(bos)  # noqa: E731
    path = tiny.write(tmp_path / "model.gguf", sentencepiece=True, change=change)
    ours = load_tokenizer(from_folder("tiny", converted(path, tmp_path / "model")))
    theirs = AutoTokenizer.from_pretrained(tmp_path, gguf_file="model.gguf")
    for text in TEXTS:
        ids = ours(text)["input_ids"]
        assert ids == theirs(text)["input_ids"], text
        assert (ids[:1] == [1]) == (bos is not False or text.startswith("<s>")), text
    assert (ours.bos_token, ours.eos_token, ours.unk_token) == ("<s>", "</s>", "<unk>")


def test_its_sentencepiece_tokenizer_merges_the_best_pair_first(tmp_path: Path) -> None:
    """As sentencepiece and llama.cpp do it: the neighbours that make the piece of the highest score."""
    path = tiny.write(tmp_path / "model.gguf", sentencepiece=True)
    tokenizer = load_tokenizer(from_folder("tiny", converted(path, tmp_path / "model")))
    for text in ("The cat is in the hat, hello.", "the   cat\n\n is\tthere \u732b", "aa ttthe heller lo ll"):
        pieces = list("\u2581" + text.replace(" ", "\u2581"))
        while pairs := [one + next for one, next in itertools.pairwise(pieces) if one + next in tiny.SENTENCEPIECE]:
            best = max(pairs, key=lambda pair: tiny.SENTENCEPIECE[pair][0])
            at = ["".join(pair) for pair in itertools.pairwise(pieces)].index(best)
            pieces[at : at + 2] = [best]
        spelt = ([piece] if piece in tiny.SENTENCEPIECE else in_bytes(piece) for piece in pieces)
        assert tokenizer.tokenize(text) == list(itertools.chain.from_iterable(spelt))


def in_bytes(piece: str) -> list[str]:
    return [f"<0x{byte:02X}>" for byte in piece.encode()]


def replaced(key: str, add: Callable[[GGUFWriter], None]) -> Callable[[GGUFWriter], None]:
    def change(writer: GGUFWriter) -> None:
        writer.kv_data[0].pop(f"tokenizer.ggml.{key}", None)
        add(writer)

    return change


@pytest.mark.parametrize(
    ("key", "add", "said"),
    [
        ("add_space_prefix", lambda writer: writer.add_add_space_prefix(False), "puts no space before a text"),
        ("scores", lambda writer: writer.add_token_scores([-1_000.0] * len(tiny.SENTENCEPIECE)), "without scores"),
        ("scores", lambda writer: None, "without scores"),
        ("model", lambda writer: writer.add_tokenizer_model("t5"), "is of the kind 't5', and the suite reads gpt2 and"),
        ("model", lambda writer: None, "is of the kind None"),
    ],
)
def test_a_tokenizer_that_would_be_read_wrongly_is_refused(tmp_path: Path, mistral: Path, key, add, said) -> None:
    path = tiny.write(tmp_path / "model.gguf", sentencepiece=True, change=replaced(key, add))
    with pytest.raises(InputError, match=said) as caught:
        converted(path, tmp_path / "model")
    assert str(caught.value).endswith("; name the file by its path, with the model's own tokenizer.json beside it")
    converted(path, tmp_path / "other", tokenizer=(mistral / "tokenizer.json",))


def test_a_bos_that_the_file_asks_for_is_put(tmp_path: Path) -> None:
    path = tiny.write(tmp_path / "model.gguf")
    assert load_tokenizer(from_folder("tiny", converted(path, tmp_path / "plain")))("a")["input_ids"] == [64]

    def asked(writer) -> None:
        writer.kv_data[0].pop("tokenizer.ggml.add_bos_token")
        writer.add_add_bos_token(True)

    path = tiny.write(tmp_path / "asked.gguf", change=asked)
    ids = load_tokenizer(from_folder("tiny", converted(path, tmp_path / "asked")))("a")["input_ids"]
    assert ids == [len(tiny.TOKENS) - 2, 64]


def test_a_tokenizer_in_place_of_the_file_s_wins(tmp_path: Path, mistral: Path) -> None:
    path = tiny.write(tmp_path / "model.gguf")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(mistral / name, tmp_path / name)
    story = load_tokenizer(from_folder("story", mistral))
    for number in range(2):  # with its settings, and without
        folder = converted(path, tmp_path / f"model-{number}", tokenizer=tokenizer_beside(path))
        found = load_tokenizer(from_folder("tiny", folder))
        assert found(TEXT)["input_ids"] == story(TEXT)["input_ids"]
        (tmp_path / "tokenizer_config.json").unlink(missing_ok=True)


def test_a_tokenizer_of_another_model_in_its_place_is_refused(tmp_path: Path, mistral: Path) -> None:
    path = tiny.write(tmp_path / "model.gguf")
    described = json.loads((mistral / "tokenizer.json").read_text())
    described["model"]["vocab"]["more"] = 9_999
    (tmp_path / "tokenizer.json").write_text(json.dumps(described))
    tokenizer = tokenizer_beside(path)
    with pytest.raises(InputError, match=r"lies beside model.gguf, has a token 9999, and the model has 263 tokens"):
        converted(path, tmp_path / "model", tokenizer=tokenizer)
    tokenizer[0].write_text("{")
    with pytest.raises(InputError, match=r"tokenizer.json cannot be read"):
        converted(path, tmp_path / "other", tokenizer=tokenizer)
    tokenizer[0].unlink()
    with pytest.raises(InputError, match=r"cannot read .*tokenizer.json: No such file"):
        converted(path, tmp_path / "none", tokenizer=tokenizer)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_another_dtype_is_the_float32_rounded(tmp_path: Path, dtype: str) -> None:
    path = tiny.write(tmp_path / "model.gguf", kind="Q4_1")
    exact, rounded = converted(path, tmp_path / "exact"), converted(path, tmp_path / "rounded", dtype)
    with safe_open(exact / "model.safetensors", "pt") as one, safe_open(rounded / "model.safetensors", "pt") as other:
        for name in one.keys():  # noqa: SIM118
            assert torch.equal(one.get_tensor(name).to(getattr(torch, dtype)), other.get_tensor(name))
    assert AutoConfig.from_pretrained(rounded).dtype == getattr(torch, dtype)


def test_values_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    path = tiny.write(tmp_path / "model.gguf")
    header = read_header(path)
    content = bytearray(path.read_bytes())
    at = header.data_start + header.tensors[0].offset
    content[at : at + 4] = np.float32(1e6).tobytes()
    path.write_bytes(content)
    converted(path, tmp_path / "large")
    with pytest.raises(InputError, match=r"tensor token_embd.weight has values that are no numbers in float16"):
        converted(path, tmp_path / "small", "float16")
    content[at : at + 4] = np.float32("nan").tobytes()
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"no numbers in float32"):
        converted(path, tmp_path / "none")


def test_the_configuration_that_is_written_is_the_file_s(tmp_path: Path) -> None:
    path = tiny.write(tmp_path / "model.gguf", "qwen2")
    config = json.loads((converted(path, tmp_path / "model") / "config.json").read_text())
    asked = configuration(read_header(path))
    assert config["architectures"] == ["Qwen2ForCausalLM"]
    for key in ("hidden_size", "num_key_value_heads", "rms_norm_eps", "tie_word_embeddings", "eos_token_id"):
        assert config[key] == asked[key]
    assert config["rope_parameters"]["rope_theta"] == asked["rope_theta"]
