"""A hub with a tiny model and a text of our own, and `lottery` in a process that knows no other."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from suite.data.catalogue import TEXTS, WIKITEXT, WIKITEXT_COMMIT, HubFile
from tests import processes
from tests.hub.loopback import Hub, serve


def file_of(text: str) -> str:
    """Where a text of the catalogue lies in its repository."""
    hub = TEXTS[text].hub
    assert isinstance(hub, HubFile)
    return hub.file


TEST_FILE = file_of("wikitext-2")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ROWS = ["", " = Anna = \n", " Anna was a brave baker . \n"] * 40
Done = subprocess.CompletedProcess[str]
Lottery = Callable[..., Done]


def parquet(rows: list[str]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": rows}), sink)
    return sink.getvalue()


@pytest.fixture
def hub(mistral: Path) -> Iterator[Hub]:
    hub = Hub()
    hub.add("models", "someone/tiny", COMMIT, {path.name: path.read_bytes() for path in mistral.iterdir()})
    hub.add("datasets", WIKITEXT, WIKITEXT_COMMIT, {"README.md": b"---\n---\n", TEST_FILE: parquet(ROWS)})
    with serve(hub):
        yield hub


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "study.yaml"
    path.write_text(
        f"title: a\nmodels: [{{name: tiny, repository: someone/tiny, revision: {COMMIT}}}]\ntext: wikitext-2\n"
        "context: 64\nexperiments: [{target: mlp, sparsity: 0.5}]\n"
    )
    return path


def launcher(rows: list[str] = ROWS, chunk: int = 1000) -> list[str]:
    """Python with a suite that knows another text, waits for nothing, and reads small pieces from the network."""
    text = "\n\n".join(rows).encode()
    digest = hashlib.sha256(text).hexdigest()
    script = (
        "from dataclasses import replace\nfrom suite.data.catalogue import TEXTS\n"
        "import suite.hub.retry as waits, huggingface_hub.constants as constants\n"
        f"TEXTS['wikitext-2'] = replace(TEXTS['wikitext-2'], sha256={digest!r}, bytes={len(text)})\n"
        f"waits.WAITS = (0.01,) * 4; constants.DOWNLOAD_CHUNK_SIZE = {chunk}\n"
        "from suite.cli import main; main()"
    )
    return [sys.executable, "-c", script]


def environment(hub: Hub, folder: Path, **more: str) -> dict[str, str]:
    keep = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    return {
        **keep,
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(folder / "cache"),
        "LOTTERY_RESULTS": str(folder / "r"),
        **more,
    }


@pytest.fixture
def lottery(hub: Hub, manifest: Path) -> Lottery:
    """A function that calls `lottery COMMAND MANIFEST` beside the hub."""

    def call(command: str, *, rows: list[str] = ROWS, **more: str) -> Done:
        return processes.run([*launcher(rows), command, str(manifest)], env=environment(hub, manifest.parent, **more))

    return call


def assert_refused(done: Done, *words: str) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("lottery: ")
    for word in words:
        assert word in last
