"""`lottery bench` on the terminal: tables, JSON that is read back, and one sentence for what cannot be measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from suite.bench import ceilings
from suite.bench.measured import STAGES, Measured, folder


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ceilings, "COPIED", {"cpu": 2**20})
    monkeypatch.setattr(ceilings, "SIZES", {"cpu": (32,)})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_a_model_is_measured_and_shown(call: Callable[..., Any], mistral: Path) -> None:
    done = call("bench", mistral, "--repeats", 1, "--dtype", "float32")
    assert done.code == 0, done.err
    for stage in STAGES:
        lines = 1 if stage == "captured" else 2  # on a GPU, and here
        assert sum(line.split()[:1] == [stage] for line in done.out.splitlines()) == lines
    assert done.out.count("not measured") == len(STAGES) + 2
    assert "evaluate in float32, 1 of 1 ..." in done.err


def test_json_holds_all_of_it_and_nothing_else(call: Callable[..., Any], mistral: Path) -> None:
    done = call("bench", mistral, "--repeats", 2, "--dtype", "float32", "--json")
    found = Measured.model_validate_json(done.out)
    assert json.loads(done.out)["schema"] == "lottery-bench/1"
    assert {one.repeats for one in found.stages} == {2} and found.model == mistral.name


def test_only_a_large_model_is_kept_for_forecasts(
    call: Callable[..., Any], mistral: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "not kept for forecasts" in call("bench", mistral, "--repeats", 1, "--dtype", "float32").err
    assert not folder().exists()
    monkeypatch.setattr("suite.needs.LARGE", 1)
    assert "forecasts reckon with it" in call("bench", mistral, "--repeats", 1, "--dtype", "float32").err
    assert len(list(folder().iterdir())) == 1


def test_a_cache_that_cannot_be_written_is_a_word_and_the_figures_are_shown(
    call: Callable[..., Any], mistral: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("suite.needs.LARGE", 1)
    (tmp_path / "lottery").write_text("")  # where a folder should be
    done = call("bench", mistral, "--repeats", 1, "--dtype", "float32")
    assert done.code == 0 and "could not be kept" in done.err and "evaluate" in done.out


def test_an_unknown_model_is_one_sentence(call: Callable[..., Any]) -> None:
    done = call("bench", "mistral-8b")
    assert done.code == 2 and done.err.startswith("lottery: no model is called 'mistral-8b'")
