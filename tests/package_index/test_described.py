"""A manifest's model that is one file is read from that file: it is fetched first, but never by `lottery doctor`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from suite.cli import cli
from suite.errors import InputError
from suite.manifest import read_study
from suite.models import source
from suite.models.source import ModelSource, from_catalogue
from suite.needs import Need, needs
from suite.weights import WeightsFile
from tests.package_index.conftest import CONTENT, PARTS, SHA256
from tests.package_index.serving import Index


@pytest.fixture
def manifest(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study of a model in two packages; what its file says is what the catalogue says of another."""

    def from_gguf(name: str, path: Path, dtype: str) -> ModelSource:
        assert path.read_bytes() == CONTENT
        return ModelSource(name, f"sha256:{SHA256}", from_catalogue("smollm2-135m").config, dtype=dtype)

    monkeypatch.setattr(source, "from_gguf", from_gguf, raising=False)
    path = tmp_path / "study.yaml"
    path.write_text(
        f"title: a\nmodels:\n  - {{name: mine, package: [tiny-part1, tiny-part2], version: '1.0', sha256: {SHA256}, "
        f"file: '{PARTS.file}'}}\n"
        "text: stories\nexperiments: [{target: mlp, sparsity: 0.5}]\n"
    )
    return path


@pytest.fixture
def lottery(manifest: Path) -> Callable[[str], Result]:
    return lambda command: CliRunner().invoke(cli, [command, str(manifest)])


def test_the_model_keeps_where_its_file_is_from(manifest: Path) -> None:
    study = read_study(manifest)
    (model,) = study.models
    assert model.weights == WeightsFile(SHA256, None, (PARTS,)) and not model.untrained
    assert needs(study, study.models)[0] == Need("mine", weights=model.weights)


def test_fetch_brings_it_once(lottery: Callable[[str], Result], index: Index) -> None:
    done = lottery("fetch")
    assert done.exit_code == 0, done.output
    assert done.output.count("mine: ") == 1 and f"SHA-256 as pinned ({PARTS.place})\n" in done.output
    assert set(index.sent.values()) == {1}


def test_plan_brings_it_and_shows_that(lottery: Callable[[str], Result]) -> None:
    done = lottery("plan")
    assert done.exit_code == 0, done.output
    assert "SHA-256 as pinned" in done.stderr and "SHA-256" not in done.stdout and "134,515,008" in done.stdout


def test_doctor_brings_nothing(lottery: Callable[[str], Result], index: Index) -> None:
    done = lottery("doctor")
    assert isinstance(done.exception, InputError) and not index.requests
    assert "what model 'mine' of" in str(done.exception) and "`lottery fetch" in str(done.exception)
    lottery("fetch")
    assert "mine: in the cache, 300 kB" in lottery("doctor").output
