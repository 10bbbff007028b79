"""`lottery plan` of a model whose family is not declared: what was found is said before anything runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Done
from tests.models import families

Call, Write = Callable[..., Done], Callable[..., Path]


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return families.write(tmp_path_factory.mktemp("models") / "gpt2", "gpt2")


def test_a_plan_says_what_was_found_part_by_part(call: Call, write_manifest: Write, gpt2: Path) -> None:
    done = call("plan", write_manifest(models=f"[{{name: mine, path: {gpt2}}}]"))
    assert done.code == 0
    for said in (
        "GPT2 is no declared family: found in GPT2LMHeadModel, 2 blocks, its head tied to its embeddings",
        "qkv (q, k and v in one)                     6,144 weights in 2 tensors [inputs, outputs]",
        "never pruned: 320 norm, 576 bias, 4,096 positions",
    ):
        assert said in done.out


def test_a_plan_says_how_many_weights_no_name_tells(call: Call, write_manifest: Write, gpt2: Path) -> None:
    models = f"[{{name: mine, path: {gpt2}, parts: {{mlp.c_fc: other}}}}]"
    done = call("plan", write_manifest(models=models))
    assert "other (no name tells which)                 8,192 weights in 2 tensors" in done.out
    found = json.loads(call("plan", "--json", write_manifest(models=models)).out)
    (model,) = found["models"]
    assert model["found_in"] == "GPT2LMHeadModel" and model["parts"]["other"] == 8_192
    assert sum(model["parts"].values()) == model["parameters"]


def test_parts_that_are_said_make_another_experiment(call: Call, write_manifest: Write, gpt2: Path) -> None:
    def ids(models: str) -> set[str]:
        found = json.loads(call("plan", "--json", write_manifest(models=models)).out)
        return {one["id"] for one in found["experiments"]}

    plain, said = f"[{{name: mine, path: {gpt2}}}]", f"[{{name: mine, path: {gpt2}, parts: {{c_fc: gate}}}}]"
    assert ids(plain) == ids(plain) and not ids(plain) & ids(said)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "bert"}, "is an encoder"),
        ({"model_type": "mamba"}, "state-space models"),
        ({"model_type": "vit"}, "no language model that predicts the next token"),
        ({"model_type": "unheard"}, "which transformers does not know"),
        ({"model_type": "mine", "auto_map": {"AutoModelForCausalLM": "m.M"}}, "its own code (`auto_map`) is never run"),
    ],
)
def test_what_is_no_such_model_is_one_sentence(
    call: Call, write_manifest: Write, tmp_path: Path, config: dict[str, object], message: str
) -> None:
    folder = families.write(tmp_path / "model", "llama")
    (folder / "config.json").write_text(json.dumps(config))
    done = call("plan", write_manifest(models=f"[{{name: mine, path: {folder}}}]"))
    assert done.code == 2 and message in done.err
    assert "Traceback" not in done.err and len(done.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ("{c_fc: nose}", "'c_fc' is said to be 'nose', which is not one of q, k, v"),
        ("{nothing: q}", "'nothing' fits no weight matrix of a block of this GPT2LMHeadModel"),
    ],
)
def test_parts_that_say_nothing_are_one_sentence(
    call: Call, write_manifest: Write, gpt2: Path, parts: str, message: str
) -> None:
    done = call("plan", write_manifest(models=f"[{{name: mine, path: {gpt2}, parts: {parts}}}]"))
    assert done.code == 2 and message in done.err


def test_neurons_of_experts_are_not_taken_out(call: Call, write_manifest: Write, tmp_path: Path) -> None:
    folder = families.write(tmp_path / "model", "mixtral")
    cells = "[{target: mlp, pattern: neurons, sparsity: 0.5}]"
    done = call("plan", write_manifest(cells, models=f"[{{name: mine, path: {folder}}}]"))
    assert done.code == 2 and "is of experts; take pattern layers" in done.err


def test_a_model_of_another_family_is_measured_in_every_way(
    call: Call, write_manifest: Write, tmp_path: Path, gpt2: Path
) -> None:
    moe = families.write(tmp_path / "moe", "qwen3_moe")
    cells = """
  - {target: blocks, sparsity: 0.3}
  - {target: blocks, sparsity: 0.3, recovery: {tokens: 512}, measure: perplexity}
  - {target: blocks, pattern: layers, sparsity: 0.5, measure: perplexity}
"""
    measure = "[perplexity, generation, memory, size]"
    models = f"[{{name: gpt2, path: {gpt2}}}, {{name: moe, path: {moe}}}]"
    path = write_manifest(cells, models=models, measure=measure, text="short-stories", windows="2")
    done = call("run", path, "--results", tmp_path / "results")
    assert done.code == 0, done.out + done.err
    assert "8 done" in done.out or "10 done" in done.out
