"""A GGUF file on the command line: imported, planned for, run, and searched for its cliff."""

from __future__ import annotations

import hashlib
import importlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from suite.cli import COMMANDS
from suite.doctor import disk
from suite.gguf import cache
from suite.manifest import read_study
from suite.models.export import new_folder
from suite.models.loading import load_model, load_tokenizer
from suite.models.source import from_folder
from suite.needs import needs
from suite.records import read_records
from tests.cli.conftest import Done
from tests.gguf_files import tiny

Call = Callable[..., Done]
cliff = importlib.import_module("suite.cli.cliff")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tiny.write(tmp_path / "tiny model.gguf", kind="Q4_1", tied=False)


@pytest.fixture
def manifest(tmp_path: Path, path: Path) -> Path:
    (tmp_path / "few.txt").write_text("The cat sat on the mat, and there was another in the inner ring. " * 20)
    study = tmp_path / "study.yaml"
    study.write_text(
        f"title: t\nmodels: [{{name: tiny, path: {path.name}}}]\ntext: {{name: few, path: few.txt}}\ncontext: 64\n"
        "experiments: [{target: blocks, sparsity: 0.5}]\n"
    )
    return study


def test_it_is_imported_whole_and_said_in_a_line(call: Call, path: Path) -> None:
    done = call("import", path, "--out", "out")
    parameters = sum(torch.Size(shape).numel() for shape in tiny.shapes("llama", False).values())
    assert done.out == f"out: Llama, {parameters:,} parameters, dequantised from Q4_1 to float32\n"
    model = AutoModelForCausalLM.from_pretrained("out")
    made_of = json.loads(Path("out/lottery.json").read_text())
    assert made_of["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (made_of["file"], made_of["quantisation"], made_of["dtype"]) == (path.name, "Q4_1", "float32")
    assert model.dtype == torch.float32 and model.num_parameters() == parameters
    load_model(from_folder("tiny", Path("out")), "float32", "a test").close()
    assert sorted(path.name for path in Path().iterdir()) == ["out", path.name]  # nothing in the cache either
    assert call("import", path, "--out", "half", "--dtype", "bfloat16").code == 0
    assert from_folder("tiny", Path("half")).stored_dtype == "bfloat16"


def test_what_cannot_be_imported_leaves_nothing(call: Call, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object) -> str:
        done = call("import", *arguments)
        assert done.code == 2 and done.out == "" and "Traceback" not in done.err
        return done.err

    assert "cannot read none.gguf" in refused("none.gguf", "--out", "out")
    Path("short.gguf").write_bytes(path.read_bytes()[:100_000])
    assert "is truncated: at least" in refused("short.gguf", "--out", "out")
    assert "Missing option '--out'" in refused(path)
    with monkeypatch.context() as patch:
        patch.setattr(cache, "free_bytes", lambda folder: 1)
        assert "has 1 bytes free: make room, or name a folder on another disk" in refused(path, "--out", "out")
    Path("taken").mkdir()
    Path("taken/file").touch()
    assert "taken is there already" in refused(path, "--out", "taken")
    assert not Path("out").exists()


def test_a_manifest_names_one_and_its_records_say_what_it_was(call: Call, manifest: Path, path: Path) -> None:
    plan = call("plan", manifest)
    (need, _) = needs(study := read_study(manifest), read_study(manifest).models)
    assert need.place == f"is the file {study.models[0].gguf.path}"  # type: ignore[union-attr]
    assert "tiny is dequantised first, once: " in plan.out and str(Path("home/lottery")) in plan.out
    (finding,) = disk.conversions([study, study])
    assert finding.state == "ok" and "tiny: " in finding.found and "once dequantised" in finding.found
    assert call("run", manifest).code == 0
    records, damaged = read_records([Path("results/study")])
    assert len(records) == 2 and not damaged
    for record in records:
        assert record.experiment.revision == f"sha256:{study.models[0].gguf.sha256}"  # type: ignore[union-attr]
        assert (record.model.quantisation, record.model.file_format) == ("Q4_1", "gguf")
        assert "gguf" in record.environment.libraries
    assert "is dequantised first" not in call("plan", manifest).out
    (finding,) = disk.conversions([study])
    assert "tiny: dequantised, in" in finding.found
    path.rename("moved.gguf")
    done = call("run", manifest)
    assert done.code == 2 and "study.yaml:2:10: model 'tiny': cannot read" in done.err


def test_doctor_tells_of_a_disk_that_is_too_small(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "free_bytes", lambda folder: 1_000)
    (finding,) = disk.caches_room(cache.rooms(read_study(manifest).models))
    assert finding.state == "fail" and "1 kB free" in finding.found and "set HF_HOME" in (finding.cure or "")


def test_it_cannot_lead_out_of_its_folders(
    call: Call, manifest: Path, path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LOTTERY_DATA")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    path.rename(elsewhere / path.name)
    path.symlink_to(elsewhere / path.name)
    assert "outside its own folder" in call("plan", manifest).err
    path.unlink()
    (elsewhere / path.name).rename(path)
    (elsewhere / "tokenizer.json").write_text("{}")
    Path("tokenizer.json").symlink_to(elsewhere / "tokenizer.json")
    assert "outside its own folder" in call("plan", manifest).err


def test_a_tokenizer_beside_it_is_taken_and_part_of_its_revision(
    call: Call, manifest: Path, path: Path, mistral: Path
) -> None:
    (alone,) = read_study(manifest).models
    shutil.copy(mistral / "tokenizer.json", ".")
    (model,) = read_study(manifest).models
    assert model.revision.startswith(f"{alone.revision}+") and len(model.revision) == len(alone.revision) + 17
    vocabulary = len(load_tokenizer(from_folder("m", mistral)))
    assert len(load_tokenizer(model)) == vocabulary
    assert call("import", path, "--out", "out").code == 0
    assert len(load_tokenizer(from_folder("tiny", Path("out")))) == vocabulary
    assert call("run", manifest).code == 0
    records, _ = read_records([Path("results/study")])
    assert {record.experiment.revision for record in records} == {model.revision}


def test_its_cliff_is_found(call: Call, manifest: Path, path: Path) -> None:
    asked = ("--target", "blocks", "--text", "few.txt", "--context", 64, "--factor", 2)
    done = call("cliff", path.name, *asked)
    assert done.code == 0 and "tiny-model, magnitude of blocks: perplexity first exceeds" in done.out
    assert "cannot read none.gguf" in call("cliff", "none.gguf", *asked).err


def test_a_file_s_name_becomes_one_that_manifests_allow() -> None:
    for name, expected in {
        "SmolLM2-135M-Instruct.Q4_1.gguf": "SmolLM2-135M-Instruct.Q4_1",
        "models/a b (2).gguf": "a-b-2",
        "._x.GGUF": "x",
        "\u732b.gguf": "gguf",
        f"{'x' * 99}.gguf": "x" * 64,
    }.items():
        assert cliff._entry(name) == {"name": expected, "path": name}


def test_a_directory_is_one_whatever_its_name_ends_in(call: Call, manifest: Path, path: Path) -> None:
    assert call("import", path, "--out", "directory").code == 0
    path.unlink()
    Path("directory").rename(path)
    (model,) = read_study(manifest).models
    assert model.folder == path and model.gguf is None
    Path("x.gguf").mkdir()
    assert cliff._entry("x.gguf/") == {"name": "x.gguf", "path": "x.gguf/"}


def test_the_command_is_listed_under_its_name(call: Call) -> None:
    assert "import" in COMMANDS
    assert "MODEL.gguf" in call("import", "--help").out
    assert call("import_", "x").code == 2


def test_a_folder_that_cannot_be_written_says_what_its_caller_advises(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Exception, match=r"cannot write .*; do this"), new_folder(tmp_path / "file" / "x", "do this"):
        pass
