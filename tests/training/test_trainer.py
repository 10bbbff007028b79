"""A seed decides a training; an interrupted one goes on to the same model; what comes out is a model directory."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from suite.errors import InputError
from suite.models.source import from_folder
from suite.training import trainer
from suite.training.recipe import Recipe, read_recipe
from suite.training.trainer import Step, Training

RECIPE = """
name: tiny
architecture: {model_type: llama, hidden_size: 16, intermediate_size: 24, num_hidden_layers: 2, num_attention_heads: 2,
  num_key_value_heads: 1, tie_word_embeddings: true}
corpus: {seed: 1, stories: 100}
stages:
  - {steps: 6, context: 40, batch: 4, story_starts: true}
  - {steps: 4, context: 64, batch: 2}
learning_rate: 0.01
recall_weight: 3.0
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE)
    return read_recipe(path)


def trained(recipe: Recipe, folder: Path, stop_after: int | None = None) -> dict[str, torch.Tensor]:
    folder.mkdir(exist_ok=True)

    def report(step: Step) -> None:
        if step.number == stop_after:
            raise KeyboardInterrupt

    Training(recipe, folder).run(report)
    return load_file(folder / "model.safetensors")


def test_a_seed_decides_a_training(recipe: Recipe, tmp_path: Path) -> None:
    one, same = trained(recipe, tmp_path / "one"), trained(recipe, tmp_path / "same")
    other = trained(recipe.model_copy(update={"seed": 1}), tmp_path / "other")
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_an_interrupted_training_goes_on_to_the_same_model(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(recipe, tmp_path / "whole")
    monkeypatch.setattr(trainer, "CHECKPOINT_EVERY", 3)
    with pytest.raises(KeyboardInterrupt):
        trained(recipe, tmp_path / "cut", stop_after=8)
    assert (tmp_path / "cut" / "checkpoint.pt").is_file()
    assert Training(recipe, tmp_path / "cut").done == 6
    rest = trained(recipe, tmp_path / "cut")
    assert all(torch.equal(whole[name], rest[name]) for name in whole)
    assert not (tmp_path / "cut" / "checkpoint.pt").exists()


def test_what_comes_out_is_a_model_directory_with_its_recipe(recipe: Recipe, tmp_path: Path) -> None:
    trained(recipe, tmp_path / "model")
    source = from_folder("tiny", tmp_path / "model")
    assert source.stored_dtype == "float16"
    assert source.anatomy.tied
    assert read_recipe(tmp_path / "model" / "recipe.yaml").digest == recipe.digest


def test_the_rate_warms_up_and_decays(recipe: Recipe) -> None:
    long = recipe.model_copy(update={"warmup_steps": 2, "decay_share": 0.5})
    rates = [long.rate(step) for step in range(long.steps)]
    assert rates[:5] == [0.5, 1.0, 1.0, 1.0, 1.0]
    assert rates[5:] == pytest.approx([1.0, 0.8, 0.6, 0.4, 0.2])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("learning_rate: 0.01", "learning_rate: 2", r"learning_rate: input should be less than 1"),
        ("name: tiny", "nam: tiny", "unknown key 'nam'; did you mean 'name'"),
        ("model_type: llama", "model_type: gpt2", "architecture is 'gpt2'"),
        ("num_hidden_layers: 2, ", "", "the key 'num_hidden_layers' is missing"),
    ],
)
def test_a_wrong_recipe_is_told_with_its_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE.replace(old, new))
    with pytest.raises(InputError, match=message) as told:
        read_recipe(path)
    assert f"{path}" in str(told.value)
