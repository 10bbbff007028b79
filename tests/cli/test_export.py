"""What is exported is what was measured: plain transformers in a process of its own finds the same perplexity, zeros
where the mask says, and the compressed form gives every byte back."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from rich.console import Console
from safetensors.torch import load_file

import suite.cli
from suite.cli.run import run_study
from suite.data import grammar
from suite.data.windows import make_windows
from suite.manifest import read_study
from suite.models.compressed import Compressed
from suite.models.loading import load_tokenizer
from suite.models.source import from_folder
from suite.pruning.masks import mask_digest, survives
from suite.records import Record, Store

MANIFEST = """
title: what is exported
models: [story-mistral-small, story-qwen, story-qwen-tied, story-llama, story-phi]
text: {name: few, path: few.txt}
context: 64
measure: perplexity
calibration: {name: stories, samples: 4}
experiments:
  - {target: blocks, sparsity: 0.5}
  - {models: story-mistral-small, target: all, sparsity: 0.6, criterion: sparsegpt}
  - {models: story-phi, target: mlp, sparsity: 0.7, recovery: {name: stories, tokens: 2000}}
  - {models: story-llama, target: lm_head, sparsity: 0.4}
  - {models: story-mistral-small, target: attention, sparsity: 0.3, precision: float8-weights}
  - {models: story-qwen, target: mlp, sparsity: 0.3, pattern: neurons}
  - {models: story-phi, target: blocks, sparsity: 0.25, pattern: layers, recovery: {name: stories, tokens: 2000}}
  - {models: story-qwen-tied, target: embeddings, sparsity: 0.2, tied: both}
"""
# Nothing of the suite: the code is the README's own.
READER = """
import json, sys
from pathlib import Path
import torch

text, tokens = Path(sys.argv[1]).read_text(), torch.load(sys.argv[2])
found = {}
for path in sys.argv[3:]:
    code = (Path(path) / "README.md").read_text().split("```python")[1].split("```")[0].replace("PATH", path)
    place = {}
    exec(code, place)
    with torch.inference_mode():
        logprobs = place["model"](tokens).logits.float().log_softmax(-1)[:, :-1]
    losses = -logprobs.gather(2, tokens[:, 1:, None]).double()
    ids = place["tokenizer"](text)["input_ids"]
    same = ids[: tokens.numel()] == tokens.flatten().tolist()
    found[path] = {"perplexity": losses.mean().exp().item(), "same_ids": same}
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Cell:
    """One experiment measured and exported in both forms, and what a process of its own found in the plain one."""

    record: Record
    plain: Path
    compressed: Path
    found: dict[str, Any]


def lottery(*arguments: object) -> str:
    done = CliRunner().invoke(suite.cli.cli, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    (folder / "few.txt").write_text("".join(grammar.join(grammar.write(3, index)) for index in range(12)))
    (folder / "study.yaml").write_text(MANIFEST)
    return folder


@pytest.fixture(scope="module")
def cells(folder: Path) -> dict[str, Cell]:
    """By `MODEL CRITERION PATTERN`, or where there is none the target."""
    study = read_study(folder / "study.yaml")
    store = Store(folder / "results" / study.name)
    outcome = run_study(study, store, Console(file=io.StringIO()))
    assert outcome.failed == 0
    chosen = [one for one in study.experiments if not one.unpruned] + [study.experiments[0]]
    for one in chosen:
        common = ("export", folder / "study.yaml", "--results", folder / "results", "--cell", one.id[:10], "--out")
        told = lottery(*common, folder / "plain" / one.id)
        assert one.unpruned or "as its record says" in told
        lottery(*common, folder / "compressed" / one.id, "--compressed")
    tokens = make_windows(study.text, load_tokenizer(study.models[0]), study.context).tokens
    torch.save(tokens, folder / "tokens.pt")
    (folder / "reader.py").write_text(READER)
    paths = [str(folder / "plain" / one.id) for one in chosen]
    command = [sys.executable, "reader.py", "few.txt", "tokens.pt", *paths]
    reader = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert reader.returncode == 0, reader.stderr
    found = json.loads(reader.stdout)
    made = {}
    for one, path in zip(chosen, paths, strict=True):
        record = store.read(one.id)
        assert record is not None
        compressed = folder / "compressed" / one.id
        made[f"{one.model} {one.criterion} {one.pattern or one.target}"] = Cell(
            record, Path(path), compressed, found[path]
        )
    return made


NAMES = (
    "story-mistral-small magnitude blocks",
    "story-qwen magnitude blocks",
    "story-qwen-tied magnitude blocks",
    "story-llama magnitude blocks",
    "story-phi magnitude blocks",
    "story-mistral-small sparsegpt all",
    "story-phi magnitude mlp",
    "story-llama magnitude lm_head",
    "story-qwen-tied magnitude embeddings",
    "story-mistral-small magnitude attention",
    "story-qwen magnitude neurons",
    "story-phi magnitude layers",
    "story-mistral-small none None",
)
DENSE = NAMES[-1]
SMALLER = NAMES[-3:-1]
CHANGED = ("sparsegpt all", "story-phi magnitude mlp", "small magnitude attention", "layers")  # not only zeros


@pytest.mark.parametrize("name", NAMES)
def test_plain_transformers_finds_the_perplexity_that_was_measured(cells: dict[str, Cell], name: str) -> None:
    cell = cells[name]
    assert cell.record.perplexity is not None
    assert cell.found["perplexity"] == pytest.approx(cell.record.perplexity.value, rel=5e-7)
    assert cell.found["same_ids"]


@pytest.mark.parametrize("name", sorted({*NAMES} - {DENSE, *SMALLER}))
def test_the_zeros_are_where_the_mask_says(cells: dict[str, Cell], name: str) -> None:
    cell = cells[name]
    assert cell.record.pruning is not None
    weights = load_file(cell.plain / "model.safetensors")
    with Compressed(cell.compressed / "model.compressed.safetensors") as tensors:
        assert tensors.names == sorted(weights)
        masks = {one: mask for one in tensors.names if (mask := tensors.mask(one)) is not None}
    assert mask_digest(masks) == cell.record.pruning.mask_digest
    assert masks.keys() == cell.record.pruning.per_tensor.keys()
    for one, mask in masks.items():
        removed = ~survives(mask, weights[one].numel())
        assert not weights[one].float().numpy().reshape(-1)[removed].any()


@pytest.mark.parametrize("name", NAMES)
def test_expanded_it_is_byte_for_byte_the_ordinary_directory(cells: dict[str, Cell], name: str, tmp_path: Path) -> None:
    cell = cells[name]
    lottery("expand", cell.compressed, "--out", tmp_path / "expanded")
    names = sorted(path.name for path in cell.plain.iterdir())
    assert sorted(path.name for path in (tmp_path / "expanded").iterdir()) == names
    for one in names:
        assert (tmp_path / "expanded" / one).read_bytes() == (cell.plain / one).read_bytes()
    if name not in (DENSE, *SMALLER):
        small, whole = cell.compressed / "model.compressed.safetensors", cell.plain / "model.safetensors"
        assert small.stat().st_size < whole.stat().st_size


@pytest.mark.parametrize("name", NAMES)
def test_the_suite_takes_it_for_a_model_like_any_other(cells: dict[str, Cell], name: str) -> None:
    source = from_folder("exported", cells[name].plain)
    untied = "lm_head" in name
    assert source.anatomy.tied == (cells[name].record.model.tied and not untied)
    assert source.stored_dtype == ("float32" if name.endswith(CHANGED) else "float16")
    details = json.loads((cells[name].plain / "lottery.json").read_text())
    assert details["id"] == cells[name].record.id
    assert details["experiment"] == cells[name].record.experiment.model_dump(mode="json")
    assert details["model"] == cells[name].record.model.model_dump(mode="json")


def test_an_untied_head_is_in_the_file_beside_its_table(cells: dict[str, Cell]) -> None:
    weights = load_file(cells["story-llama magnitude lm_head"].plain / "model.safetensors")
    head, table = weights["lm_head.weight"], weights["model.embed_tokens.weight"]
    assert int((table == 0).sum()) < 10
    assert int((head == 0).sum()) == round(0.4 * head.numel())
    assert "lm_head.weight" not in load_file(cells["story-qwen-tied magnitude embeddings"].plain / "model.safetensors")


def test_what_was_taken_out_is_a_smaller_model(cells: dict[str, Cell]) -> None:
    """No zeros in its place: fewer layers, narrower MLPs, and the configuration says so."""
    for name, layers, inner in ((SMALLER[0], 4, round(0.7 * 384)), (SMALLER[1], 3, 512)):
        cell = cells[name]
        config = json.loads((cell.plain / "config.json").read_text())
        assert (config["num_hidden_layers"], config["intermediate_size"]) == (layers, inner)
        assert len(config.get("layer_types", range(layers))) == layers
        pruning, model = cell.record.pruning, cell.record.model
        assert pruning is not None
        weights = sum(tensor.numel() for tensor in load_file(cell.plain / "model.safetensors").values())
        assert weights == pytest.approx(model.parameters / pruning.compression_ratio, abs=1)
