"""What is wrong with a model directory is told in one sentence, before anything is loaded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from suite.errors import InputError
from suite.models.loading import full_configuration
from suite.models.source import SIZES, from_catalogue, from_folder
from tests.conftest import MakeModel


@pytest.fixture
def copied(mistral: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(mistral, tmp_path / "model"))


def truncate(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def edit(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (truncate, "model.safetensors is truncated: .* bytes expected"),
    "only a header's start": (
        lambda f: (f / "model.safetensors").write_bytes(b"\xff" * 20),
        "truncated or not a safetensors file",
    ),
    "no header": (lambda f: (f / "model.safetensors").write_bytes(b"\x02" + b"\0" * 7 + b"{]"), "not a safetensors"),
    "a pickle": (pickle, "pytorch_model.bin is a pickle, which can run code and is refused"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "holds no .safetensors file"),
    "no config": (lambda f: (f / "config.json").unlink(), "cannot read .*config.json"),
    "broken config": (lambda f: (f / "config.json").write_text("{"), "config.json is not JSON"),
    "no tokenizer": (lambda f: [p.unlink() for p in f.glob("tok*")], "holds no tokenizer"),
    "other architecture": (lambda f: edit(f, model_type="bert"), "'bert' is an encoder"),
    "another width": (lambda f: edit(f, intermediate_size=99), "has shape .* config.json asks for"),
    "a layer more": (lambda f: edit(f, num_hidden_layers=4), "model.layers.3.* is missing"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_directory_is_refused(copied: Path, what: str) -> None:
    damage, message = DAMAGE[what]
    damage(copied)
    with pytest.raises(InputError, match=message):
        from_folder("mine", copied)


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="model 'mine': there is no directory"):
        from_folder("mine", tmp_path / "nowhere")


def test_an_unknown_name_is_told_with_those_known() -> None:
    with pytest.raises(InputError, match="no model is called 'mistral-8b'; the catalogue has .*mistral-7b"):
        from_catalogue("mistral-8b")


def test_the_revision_follows_from_the_files_and_not_from_the_path(mistral: Path, copied: Path) -> None:
    assert from_folder("a", mistral).revision == from_folder("b", copied).revision
    edit(copied, rms_norm_eps=0.5)
    assert from_folder("a", mistral).revision != from_folder("b", copied).revision


def test_the_catalogue_is_pinned_to_commits() -> None:
    for name in ("mistral-7b", "qwen2.5-7b", "smollm2-1.7b", "phi-2", "qwen2.5-0.5b"):
        assert len(from_catalogue(name).revision) == 40


def test_a_network_is_trained_with_the_whole_configuration_of_its_files(make_model: MakeModel) -> None:
    """The catalogue's configuration has the sizes alone: without the file's rotary base it would be another network."""
    folder = make_model("llama-tied")
    path = folder / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "rope_parameters": {"rope_type": "default", "rope_theta": 123.0}}))
    source = from_folder("m", folder)
    sizes = {key: value for key, value in source.config.items() if key in ("model_type", *SIZES)}
    found = full_configuration(replace(source, config=sizes))
    assert found["rope_parameters"]["rope_theta"] == 123.0
