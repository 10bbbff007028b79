"""Models and texts come from the hub at pinned revisions, over real HTTP; offline, from the cache alone."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from suite.data.source import WIKITEXT
from suite.records import read_records
from tests.hub.loopback import Hub, serve

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ROWS = ["", " = Anna = \n", " Anna was a brave baker . \n"] * 40


def wikitext() -> dict[str, bytes]:
    """The data set in the hub's layout, with rows of our own."""
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": ROWS}), sink)
    parquet = sink.getvalue()
    configs = "".join(
        f"  - split: {split}\n    path: wikitext-2-raw-v1/{split}-*\n" for split in ("test", "train", "validation")
    )
    card = f"---\nconfigs:\n- config_name: wikitext-2-raw-v1\n  data_files:\n{configs}---\n"
    files = {f"wikitext-2-raw-v1/{split}-00000-of-00001.parquet": parquet for split in ("test", "train", "validation")}
    return {"README.md": card.encode(), **files}


@pytest.fixture
def hub(mistral: Path) -> Iterator[Hub]:
    hub = Hub()
    hub.add("models", "someone/tiny", COMMIT, {path.name: path.read_bytes() for path in mistral.iterdir()})
    hub.add("datasets", WIKITEXT[0], WIKITEXT[2], wikitext())
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


def run(manifest: Path, hub: Hub, **environment: str) -> subprocess.CompletedProcess[str]:
    folder = manifest.parent
    settings = {"HF_ENDPOINT": hub.url, "HF_HOME": str(folder / "cache"), "HF_HUB_DISABLE_XET": "1", **environment}
    command = [sys.executable, "-m", "suite", "run", str(manifest), "--results", str(folder / "results")]
    keep = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    return subprocess.run(command, capture_output=True, text=True, timeout=180, env={**keep, **settings}, check=False)


def test_a_study_of_the_hub_runs_and_runs_again_offline(hub: Hub, manifest: Path) -> None:
    done = run(manifest, hub)
    assert done.returncode == 0, done.stderr
    records, _ = read_records([manifest.parent / "results"])
    for record in records:
        assert record.experiment.revision == COMMIT
        assert record.experiment.text.revision == WIKITEXT[2]
        assert record.perplexity and record.perplexity.protocol.text_bytes == len("\n\n".join(ROWS).encode())
    asked = len(hub.requests)
    for path in (manifest.parent / "results" / "study").glob("*.json"):
        path.unlink()
    again = run(manifest, hub, HF_HUB_OFFLINE="1")
    assert again.returncode == 0, again.stderr
    assert len(hub.requests) == asked
    offline, _ = read_records([manifest.parent / "results"])
    assert [r.perplexity and r.perplexity.value for r in offline] == [
        r.perplexity and r.perplexity.value for r in records
    ]


def assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("lottery: ")
    for word in words:
        assert word in last


def test_a_gated_model_names_the_licence_page(hub: Hub, manifest: Path) -> None:
    for status in (401, 403):
        hub.refused["someone/tiny"] = status
        assert_refused(run(manifest, hub), "https://huggingface.co/someone/tiny", "HF_TOKEN")


def test_what_the_hub_does_not_have_is_told(hub: Hub, manifest: Path) -> None:
    commit, files = hub.repositories.pop(("models", "someone/tiny"))
    assert_refused(run(manifest, hub), "no repository someone/tiny")
    hub.add("models", "someone/tiny", commit[::-1], files)
    assert_refused(run(manifest, hub), "check the revision")
    hub.add("models", "someone/tiny", commit, {k: v for k, v in files.items() if not k.endswith("safetensors")})
    assert_refused(run(manifest, hub), "no .safetensors file; pickles are refused")


def test_offline_with_an_empty_cache_says_what_to_do(hub: Hub, manifest: Path) -> None:
    assert_refused(run(manifest, hub, HF_HUB_OFFLINE="1"), "is not in the cache", "HF_HUB_OFFLINE")
