"""A manifest's model that is one file is read from that file: it is fetched first, but never by `lottery doctor`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from huggingface_hub import constants

from suite.cli import cli
from suite.gguf import cache
from suite.manifest import read_study
from suite.models.source import GgufFile, ModelSource, from_catalogue
from suite.needs import Need, gigabytes, needs
from suite.weights import WeightsFile, obtain
from tests.gguf_files import tiny
from tests.package_index.conftest import CONTENT, SHA256, WHOLE, of
from tests.package_index.serving import Index

Lottery = Callable[..., Result]


@pytest.fixture
def sha256(index: Index, tmp_path: Path) -> str:
    """Of a model that the package holds."""
    content = tiny.write(tmp_path / "tiny.gguf", kind="Q4_1").read_bytes()
    index.add("tiny-model", "0.1.2", {WHOLE.file: content})
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def manifest(files: Path, sha256: str, tmp_path: Path) -> Path:
    path = tmp_path / "study.yaml"
    path.write_text(
        f"title: a\nmodels:\n  - {{name: mine, package: tiny-model, version: 0.1.2, sha256: {sha256}, "
        f"file: {WHOLE.file}}}\n"
        "text: stories\ncontext: 64\nexperiments: [{target: mlp, sparsity: 0.5}]\n"
    )
    return path


@pytest.fixture
def lottery(manifest: Path) -> Lottery:
    return lambda command, *more: CliRunner().invoke(cli, [command, str(manifest), *more])


def test_fetch_brings_it_once_and_dequantises_it(
    lottery: Lottery, index: Index, manifest: Path, files: Path, sha256: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = lottery("fetch")
    assert done.exit_code == 0, done.output
    assert f"SHA-256 as pinned ({WHOLE.place})\n" in done.output and done.output.count("SHA-256") == 1
    assert set(index.sent.values()) == {1}
    monkeypatch.setattr(cache, "_make", None)  # nothing is left to do where the cache cannot be written
    study = read_study(manifest)
    (model,) = study.models
    assert model.weights == WeightsFile(sha256, None, (WHOLE,)) and not model.untrained
    assert needs(study, study.models)[0] == Need("mine", weights=model.weights)
    folder = cache.gguf_folder(model)
    line = (
        f"mine: dequantised from Q4_1, {gigabytes(sum(path.stat().st_size for path in folder.iterdir()))} in {folder}\n"
    )
    assert line in done.output and folder.parent == files.parent
    assert line in lottery("fetch").output


@pytest.mark.parametrize("command", [("plan",), ("export",), ("submit", "--dry-run")])
def test_what_reads_the_manifest_shows_how_it_comes(lottery: Lottery, command: tuple[str, ...]) -> None:
    done = lottery(*command)
    assert "mine: 790 kB fetched in " in done.output and "SHA-256 as pinned" in done.output
    assert ("SHA-256" in done.stdout) == (command == ("export",))
    assert done.exit_code == (2 if command == ("export",) else 0) or "which of these?" in str(done.exception)


def test_doctor_brings_and_removes_nothing(
    lottery: Lottery, index: Index, manifest: Path, files: Path, sha256: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = lottery("doctor")
    assert done.exit_code == 1 and not index.requests
    assert f"model 'mine' of {manifest} is described by its file, which is not in the cache\n" in done.output
    assert f"-> `lottery fetch {manifest}` brings it\n" in done.output
    lottery("fetch")
    assert "mine: in the cache, 790 kB" in (well := lottery("doctor").output) and "mine: dequantised, in" in well
    path, asked = files / f"{sha256}.gguf", index.requests
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    for offline in (True, False):
        monkeypatch.setattr(obtain, "_verified", set())  # as in another process
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
        done = lottery("doctor")
        assert done.exit_code == 1 and "which is damaged in the cache\n" in done.output
        assert path.is_file() and index.requests == asked


def test_a_damaged_file_of_a_known_size_is_missing_and_is_left_alone(index: Index, files: Path) -> None:
    known = from_catalogue("smollm2-135m-instruct")
    model = ModelSource("mine", "1", known.config, weights=of(WHOLE), gguf=GgufFile(None, SHA256, len(CONTENT), "F32"))
    path = obtain.kept_at(SHA256)
    path.parent.mkdir(parents=True)
    for content, missing in ((b"short", len(CONTENT)), (CONTENT[:-1] + b"x", 0)):
        path.write_bytes(content)
        assert obtain.missing(of(WHOLE)) == missing
        assert cache.missing_bytes(model) == 4 * model.anatomy.weights
        assert path.read_bytes() == content and not index.requests
