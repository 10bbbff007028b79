"""A model's folder is data: no pickle is opened, no code in it is run, whatever its files say."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from suite.errors import InputError
from suite.models.loading import load_model, load_tokenizer
from suite.models.source import from_folder

BOUND = "import pathlib; pathlib.Path({!r}).write_text('ran')"


class Bomb:
    """Unpickled, it writes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, (BOUND.format(str(self.mark)),)


@pytest.fixture
def folder(mistral: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(mistral, tmp_path / "model"))


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "it-ran"


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pth", "model.ckpt", "weights.pkl"])
def test_a_pickle_alone_is_refused_with_the_reason_and_the_way_out(folder: Path, mark: Path, name: str) -> None:
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(InputError, match=f"{name} is a pickle, which can run code and is refused: .*save_pretrained"):
        from_folder("mine", folder)
    assert not mark.exists()


def test_a_pickle_beside_safetensors_is_never_opened(folder: Path, mark: Path) -> None:
    for name in ("pytorch_model.bin", "model.pt", "training_args.bin"):
        (folder / name).write_bytes(pickle.dumps(Bomb(mark)))
    load_model(from_folder("mine", folder), "float32", "a test").close()
    assert not mark.exists()


def test_code_that_a_model_brings_is_neither_run_nor_asked_about(folder: Path, mark: Path) -> None:
    """In a process of its own, with an answer at hand for whoever asks whether to trust it."""
    for module in ("modeling_evil", "configuration_evil", "tokenization_evil"):
        (folder / f"{module}.py").write_text(BOUND.format(str(mark)))
    (folder / "custom_generate").mkdir()
    (folder / "custom_generate" / "generate.py").write_text(BOUND.format(str(mark)) + "\ndef generate(model): ...\n")
    own = {"AutoConfig": "configuration_evil.Config", "AutoModelForCausalLM": "modeling_evil.Model"}
    edit(folder / "config.json", auto_map=own, _attn_implementation="someone/kernel", trust_remote_code=True)
    for kind in ("EvilTokenizer", "PreTrainedTokenizerFast"):
        code = {"auto_map": {"AutoTokenizer": ["tokenization_evil.EvilTokenizer", None]}}
        edit(folder / "tokenizer_config.json", tokenizer_class=kind, trust_remote_code=True, **code)
        script = (
            "from pathlib import Path\nfrom suite.errors import InputError\n"
            "from suite.models.loading import load_model\nfrom suite.models.source import from_folder\n"
            f"source = from_folder('mine', Path({str(folder)!r}))\n"
            "try:\n    print(load_model(source, 'float32', 'a test').model.config._attn_implementation)\n"
            "except InputError as error:\n    print('refused:', error)\n"
        )
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", script]
        done = subprocess.run(
            command, input="yes\n" * 9, capture_output=True, text=True, timeout=120, env=environment, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "[y/N]" not in done.stdout + done.stderr
        assert "Do you wish" not in done.stdout + done.stderr
        assert done.stdout.startswith(("sdpa", "refused: model 'mine': its tokenizer cannot be read")), done.stdout
    assert not mark.exists()


CONFIGURATIONS = {
    "no object": "[]",
    "nested": "[" * 100_000,
    "many layers": {"num_hidden_layers": 10**9},
    "no heads": {"num_attention_heads": 0},
    "negative": {"hidden_size": -16},
    "a word": {"vocab_size": "many"},
    "a truth value": {"intermediate_size": True},
    "a list as kind": {"model_type": ["mistral"]},
}


@pytest.mark.parametrize("what", CONFIGURATIONS)
def test_a_configuration_nobody_would_write_is_told(folder: Path, what: str) -> None:
    change, path = CONFIGURATIONS[what], folder / "config.json"
    if isinstance(change, str):
        path.write_text(change)
    else:
        edit(path, **change)
    with pytest.raises(InputError, match="model 'mine': "):
        from_folder("mine", folder)


def test_a_size_that_is_null_counts_as_left_out(folder: Path) -> None:
    edit(folder / "config.json", max_position_embeddings=None, head_dim=None)
    assert from_folder("mine", folder).anatomy.context == 2048


@pytest.mark.parametrize("kind", ["F8_E4M3", "I8", "F64"])
def test_weights_of_another_kind_are_told(folder: Path, kind: str) -> None:
    size = {"F8_E4M3": 1, "I8": 1, "F64": 8}[kind]
    tensor = {"dtype": kind, "shape": [2], "data_offsets": [0, 2 * size]}
    (folder / "model.safetensors").write_bytes(header({"a": tensor}) + b"\0" * (2 * size))
    with pytest.raises(InputError, match=f"model 'mine': its weights are stored as {kind}, and the suite prunes"):
        from_folder("mine", folder)


def header(tensors: object) -> bytes:
    content = tensors.encode() if isinstance(tensors, str) else json.dumps(tensors).encode()
    return struct.pack("<Q", len(content)) + content


HEADERS = {
    "nested": header("[" * 50_000),
    "infinite": header('{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, Infinity]}}'),
    "no dtype": header({"a": {"shape": [0], "data_offsets": [0, 0]}}),
    "no shape": header({"a": {"dtype": "F32", "data_offsets": [0, 0]}}),
    "unknown dtype": header({"a": {"dtype": ["F32"], "shape": [], "data_offsets": [0, 0]}}),
    "an overlap": header({n: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for n in "ab"}) + b"\0" * 4,
    "before the start": header({"a": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}}),
    "a shape of another size": header({"a": {"dtype": "F32", "shape": [9], "data_offsets": [0, 4]}}) + b"\0" * 4,
}


@pytest.mark.parametrize("what", HEADERS)
def test_a_safetensors_header_that_lies_is_refused(folder: Path, what: str) -> None:
    (folder / "model.safetensors").write_bytes(HEADERS[what])
    with pytest.raises(InputError, match="model.safetensors is (not a safetensors file|truncated)"):
        from_folder("mine", folder)


@pytest.mark.parametrize("content", ["[]", "{}", "nothing", '{"added_tokens": 5}', "[" * 100_000])
@pytest.mark.parametrize("file", ["tokenizer.json", "tokenizer_config.json"])
def test_a_tokenizer_that_makes_no_sense_is_told(folder: Path, file: str, content: str) -> None:
    (folder / file).write_text(content)
    source = from_folder("mine", folder)
    try:
        load_tokenizer(source)
    except InputError as error:
        assert str(error).startswith("model 'mine': its tokenizer cannot be read: ")
    else:
        assert (file, content) == ("tokenizer_config.json", "{}") or file == "tokenizer_config.json"


@pytest.mark.parametrize("change", [{"rope_parameters": 5}, {"hidden_act": "nosuch"}, {"sliding_window": "wide"}])
def test_a_configuration_that_transformers_chokes_on_is_told(folder: Path, change: dict[str, object]) -> None:
    edit(folder / "config.json", **change)
    source = from_folder("mine", folder)
    try:
        load_model(source, "float32", "a test").close()
    except InputError as error:
        assert str(error).startswith("model 'mine': transformers cannot load it: ")
