"""No path of a manifest or a theme leads out of the folders it was given."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from suite.errors import InputError
from suite.manifest import read_study
from suite.models.source import from_folder
from suite.paths import confined
from suite.report.theme import use

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def _nothing_is_allowed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("LOTTERY_DATA")


@pytest.fixture
def beside(tmp_path: Path, mistral: Path) -> Path:
    """A copy of the tiny model in the manifest's own folder."""
    return Path(shutil.copytree(mistral, tmp_path / "model"))


OUTSIDE = (
    "/etc/passwd",
    "/dev/zero",
    "/dev/stdin",
    "/proc/self/environ",
    "../../../../../../etc/passwd",
    "model/../..",
)


@pytest.mark.parametrize("where", OUTSIDE)
def test_a_path_that_leads_out_is_refused_with_its_place_and_the_cure(
    write_manifest: Write, beside: Path, where: str
) -> None:
    as_model = write_manifest(models=f"[{{name: tiny, path: {where}}}]")
    with pytest.raises(InputError, match=r"study.yaml:2:10: .* leads to /.*: export LOTTERY_DATA=/"):
        read_study(as_model)
    as_text = write_manifest(models="[{name: tiny, path: model}]", text=f"{{name: mine, path: {where}}}")
    with pytest.raises(InputError, match=r"study.yaml:3:7: .* leads to /.*: export LOTTERY_DATA=/"):
        read_study(as_text)


def test_a_link_is_followed_before_it_is_judged(write_manifest: Write, tmp_path: Path, mistral: Path) -> None:
    (tmp_path / "linked").symlink_to(mistral)
    with pytest.raises(InputError, match=r"linked leads to .*mistral-model"):
        read_study(write_manifest(models="[{name: tiny, path: linked}]"))


def test_a_listed_folder_is_allowed_and_one_that_begins_alike_is_not(
    write_manifest: Write, tmp_path: Path, mistral: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOTTERY_DATA", f"{tmp_path / 'nowhere'}:{mistral.parent}")
    assert read_study(write_manifest()).models[0].folder == mistral
    monkeypatch.setenv("LOTTERY_DATA", str(mistral)[:-1])
    with pytest.raises(InputError, match="export LOTTERY_DATA="):
        read_study(write_manifest())


def test_the_disks_root_as_working_directory_allows_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    with pytest.raises(InputError, match="/etc/passwd leads to /etc/passwd, outside"):
        confined(Path("/etc/passwd"), Path("/tmp"))


@pytest.mark.parametrize("named", [r'"a\0b"', "x" * 5000, "~root/x", "circle"])
def test_what_is_no_path_is_told(write_manifest: Write, tmp_path: Path, named: str) -> None:
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(InputError, match="study.yaml:2:10: "):
        read_study(write_manifest(models=f"[{{name: tiny, path: {named}}}]"))


def test_a_pipe_is_no_text(write_manifest: Write, tmp_path: Path, beside: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(InputError, match="pipe.txt is no file"):
        read_study(write_manifest(models="[{name: tiny, path: model}]", text="{name: mine, path: pipe.txt}"))


@pytest.mark.parametrize("file", ["tokenizer.json", "config.json", "model.safetensors", "chat_template.jinja"])
def test_a_file_of_a_model_that_is_a_link_stays_in_its_folder(write_manifest: Write, beside: Path, file: str) -> None:
    (beside / file).unlink(missing_ok=True)
    (beside / file).symlink_to("/etc/passwd")
    with pytest.raises(InputError, match=f"study.yaml:2:10: .*{file} leads to /etc/passwd"):
        read_study(write_manifest(models="[{name: tiny, path: model}]"))


def test_a_folder_of_the_command_line_is_the_users_own_word(tmp_path: Path, mistral: Path, beside: Path) -> None:
    """As a snapshot in the hub's cache is, all of whose files are links."""
    (beside / "tokenizer.json").unlink()
    (beside / "tokenizer.json").symlink_to(mistral / "tokenizer.json")
    assert from_folder("mine", beside).revision == from_folder("mine", mistral).revision


def test_a_models_index_names_files_beside_it_only(write_manifest: Write, beside: Path) -> None:
    (beside / "model.safetensors").rename(beside / "model-00001-of-00001.safetensors")
    index = beside / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"lm_head.weight": "model-00001-of-00001.safetensors"}}))
    manifest = write_manifest(models="[{name: tiny, path: model}]")
    assert read_study(manifest).models[0].stored_dtype == "float16"
    for shard in ("../model.safetensors", "/etc/passwd", "..", "pytorch_model.bin", 5):
        index.write_text(json.dumps({"weight_map": {"lm_head.weight": shard}}))
        with pytest.raises(InputError, match="no such file lies beside it"):
            read_study(manifest)


def test_the_revision_of_a_hub_model_is_no_path(write_manifest: Write) -> None:
    entry = "[{{name: x, repository: {}, revision: {}}}]"
    for repository, revision in (("a/b", "../../../../etc"), ("../../x", "0" * 40), ("a/b/c", "0" * 40), ("a/b", "..")):
        with pytest.raises(InputError, match=r"study.yaml:2:.*: (repository|revision): .*pattern"):
            read_study(write_manifest(models=entry.format(repository, revision)))


@pytest.mark.parametrize("name", ["...yaml", ".hidden.yaml", "a\nb.yaml", "\x1b[31m.yaml", "..yaml"])
def test_a_manifests_name_leads_its_results_nowhere_else(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("title: a\nmodels: phi-2\ntext: wikitext-2\n")
    with pytest.raises(InputError, match="go to a folder of its manifest's name"):
        read_study(tmp_path / name)


def test_a_themes_logo_and_fonts_stay_in_its_folder(tmp_path: Path) -> None:
    for content in ("team: {logo: /etc/passwd}", "fonts: {Sans: ../../../../../../../etc/x.ttf}"):
        (tmp_path / "team.yaml").write_text(content)
        with pytest.raises(InputError, match=r"team.yaml:1:\d+: .* leads to /etc/.*export LOTTERY_DATA="):
            use(tmp_path / "team.yaml")
    use(None)
