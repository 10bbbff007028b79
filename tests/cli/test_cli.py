"""The command line: bad input is one sentence and exit code 2; a study runs, shows and is found again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from suite.data import grammar
from suite.paths import MANIFESTS
from suite.records import Store
from tests import processes

Write = Callable[..., Path]


def lottery(*arguments: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "suite", *map(str, arguments)]
    return processes.run(command, cwd=cwd, env={**os.environ, **environment})


def assert_refused(done: subprocess.CompletedProcess[str], message: str) -> None:
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("lottery: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_wrong_manifest_is_one_sentence(write_manifest: Write, tmp_path: Path, command: str) -> None:
    path = write_manifest("[{target: all, sparsity: 1.2}]")
    assert_refused(lottery(command, path, cwd=tmp_path), "study.yaml:5:39: sparsity: ")
    path = write_manifest("[{target: all, sparsty: 0.2}]")
    assert_refused(lottery(command, path, cwd=tmp_path), "unknown key 'sparsty'; did you mean 'sparsity'?")
    path = write_manifest(models="mistral-8b")
    assert_refused(lottery(command, path, cwd=tmp_path), "no model is called 'mistral-8b'")
    assert_refused(lottery(command, tmp_path / "nowhere.yaml"), "nowhere.yaml: No such file or directory")
    assert not (tmp_path / "results").exists()


def test_a_truncated_model_is_one_sentence(write_manifest: Write, tmp_path: Path, mistral: Path) -> None:
    folder = Path(shutil.copytree(mistral, tmp_path / "broken"))
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-5])
    path = write_manifest(models="[{name: broken, path: broken}]")
    assert_refused(lottery("run", path, "--results", tmp_path / "r"), "model.safetensors is truncated")


def test_a_short_text_is_one_sentence_and_loads_nothing(write_manifest: Write, tmp_path: Path) -> None:
    path = write_manifest(context="512", text="{name: few, path: short.txt}")
    (tmp_path / "short.txt").write_text("Anna was a brave baker.")
    assert_refused(lottery("run", path, "--results", tmp_path / "r"), "shorter than one window of 512")


def test_a_results_folder_that_cannot_be_written_is_one_sentence(write_manifest: Write, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = lottery("run", write_manifest(), "--results", tmp_path / "file")
    assert_refused(done, "cannot write results to")


def test_what_cannot_fit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    config = {"model_type": "mistral", "vocab_size": 32000, "hidden_size": 8192, "intermediate_size": 28672,
              "num_hidden_layers": 2000, "num_attention_heads": 64, "max_position_embeddings": 4096}  # fmt: skip
    script = (
        "import suite.models.catalogue as c, dataclasses, json, sys\n"
        f"c.MODELS['phi-2'] = dataclasses.replace(c.MODELS['phi-2'], config=json.loads({json.dumps(config)!r}))\n"
        "from suite.cli import main; main()"
    )
    path.write_text("title: a\nmodels: phi-2\ntext: wikitext-2\n")
    done = subprocess.run(
        [sys.executable, "-c", script, "plan", str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "lottery: model 'phi-2' needs about" in done.stderr


def test_a_study_runs_and_its_numbers_are_shown(write_manifest: Write, tmp_path: Path) -> None:
    path = write_manifest("[{target: [attention, mlp], sparsity: 0.5}]")
    done = lottery(path, "--results", tmp_path / "r")  # a manifest alone is `run`
    assert done.returncode == 0, done.stderr
    assert "[3/3] tiny mlp 50 %" in done.stdout
    assert "3 done, 0 there already, 0 failed" in done.stdout
    again = lottery("run", path, LOTTERY_RESULTS=str(tmp_path / "r"))
    assert "0 done, 3 there already" in again.stdout

    table = lottery("records", tmp_path / "r").stdout
    assert "attention" in table and "50 %" in table
    shown = json.loads(lottery("records", tmp_path / "r", "--json").stdout)
    assert shown["schema"] == "lottery-record/3"
    assert [record["status"] for record in shown["records"]] == ["done"] * 3
    planned = json.loads(lottery("plan", path, "--json").stdout)
    assert {row["id"] for row in planned["experiments"]} == {record["id"] for record in shown["records"]}
    assert all(row["seconds"] > 0 and row["bytes"] > 0 for row in planned["experiments"])


def test_ctrl_c_keeps_what_is_done(write_manifest: Write, tmp_path: Path) -> None:
    sparsities = ", ".join(f"{i / 100}" for i in range(1, 100))
    path = write_manifest(f"[{{target: blocks, sparsity: [{sparsities}]}}]")
    command = [sys.executable, "-m", "suite", "run", str(path), "--results", str(tmp_path / "r")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while len(Store(tmp_path / "r" / "study").paths) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on from there" in out
    assert "Traceback" not in err
    kept = len(Store(tmp_path / "r" / "study").paths)
    assert kept >= 3
    assert not list((tmp_path / "r" / "study").glob(".*"))
    assert f"interrupted: {kept} experiments" in out


def test_a_damaged_record_is_left_out_with_a_word(write_manifest: Write, tmp_path: Path) -> None:
    lottery("run", write_manifest(), "--results", tmp_path / "r")
    path = Store(tmp_path / "r" / "study").paths[0]
    path.write_text(path.read_text()[:-100])
    shown = lottery("records", tmp_path / "r", "--json")
    assert len(json.loads(shown.stdout)["records"]) == 1
    assert "is damaged or was edited by hand" in shown.stderr


def without_torch(*arguments: object) -> str:
    """What a command says, called in a new Python that must not have imported torch or transformers by its end."""
    script = (
        "import sys; from suite.cli import cli; cli.main(sys.argv[1:], standalone_mode=False); "
        "sys.exit(', '.join({'torch', 'transformers'} & set(sys.modules)) or 0)"
    )
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_help_lists_every_command_without_loading_torch() -> None:
    said = without_torch("--help")
    for command in ("run", "plan", "records", "poster", "paper", "train"):
        assert f"\n  {command} " in said


def test_a_plan_needs_no_torch(write_manifest: Write) -> None:
    path = write_manifest("[{target: [attention, mlp], sparsity: 0.5}]")
    assert "tiny: 3 experiments" in without_torch("plan", path)


def test_records_are_shown_compared_and_printed_without_torch(tmp_path: Path) -> None:
    shipped = MANIFESTS / "reference" / "embedded"
    assert "story-mistral" in without_torch("records", shipped)
    assert "cells reproduce." in without_torch("compare", shipped, shipped, "--only-differences")
    without_torch("page", shipped, "--out", tmp_path)
    assert (tmp_path / "results.html").is_file()


def test_a_cliff_is_found_and_told(tmp_path: Path, mistral: Path) -> None:
    text = tmp_path / "few.txt"
    text.write_text("".join(grammar.join(grammar.write(3, index)) for index in range(12)))
    arguments = ("cliff", mistral, "--target", "blocks", "--text", text, "--context", 64, "--results", tmp_path / "r")
    done = lottery(*arguments, "--factor", 1.001, "--factor", 50)
    assert done.returncode == 0, done.stderr
    assert "magnitude of blocks: perplexity first exceeds" in done.stdout
    assert "50 times dense nowhere up to 99 %" in done.stdout
    assert "1.001 times dense between" in done.stdout
    assert "0 done, " in lottery(*arguments, "--factor", 1.001, "--factor", 50).stdout
    assert_refused(lottery("cliff", "mistral-8b", cwd=tmp_path), "no model is called 'mistral-8b'")
    assert_refused(lottery("cliff", mistral, "--text", text, "--factor", 0.9, cwd=tmp_path), "greater than 1")


def test_a_plan_says_how_much_a_search_may_take(write_manifest: Write, tmp_path: Path) -> None:
    path = write_manifest("[{target: blocks, cliff: [1.1, 2]}]")
    shown = lottery("plan", path).stdout
    assert "1 experiment and at most 20 more to find 1 cliff on" in shown
    assert "steps on a part of the text" in shown and "each, at most 16" in shown
    (search,) = json.loads(lottery("plan", path, "--json").stdout)["searches"]
    assert search["most"] == 20 and search["most_on_the_whole_text"] == 4 and search["factors"] == [1.1, 2.0]
    path = write_manifest("[{target: blocks, cliff: {factors: [1.1, 2], whole: true}}]")
    assert "1 experiment and at most 18 more to find 1 cliff on" in lottery("plan", path).stdout
