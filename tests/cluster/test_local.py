"""The same plan without SLURM: processes of this machine, which outlive the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from suite.records import Record, read_records

GRID = "[{target: [attention, mlp, blocks], sparsity: [0.3, 0.5]}]"


def lottery(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "suite", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, "PYTHONPATH": "."})


def numbers(records: list[Record]) -> dict[str, object]:
    return {
        record.id: (
            record.perplexity and record.perplexity.nll_per_window,
            record.pruning and record.pruning.mask_digest,
        )
        for record in records
    }


def test_two_processes_give_the_records_of_one(write_manifest: Callable[..., Path], tmp_path: Path) -> None:
    path, folder = write_manifest(GRID), tmp_path / "r"
    dry = lottery("submit", path, "--local", "--tasks", 2, "--results", folder, "--dry-run")
    assert dry.returncode == 0 and dry.stdout.count("# study, task") == 2 and not folder.exists()
    begun = lottery("submit", path, "--local", "--tasks", 2, "--results", folder)
    assert begun.returncode == 0, begun.stderr
    assert "study: 2 tasks on this machine" in begun.stdout and f"lottery status {folder}/study" in begun.stdout
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        done = lottery("status", folder, "--json")
        (status,) = json.loads(done.stdout)["studies"]
        assert sum(status["counts"].values()) == 7
        if status["counts"]["done"] == 7:
            break
        again = lottery("submit", path, "--local", "--results", folder)
        assert "nothing to submit" in again.stdout  # what is under way is not submitted twice
        time.sleep(1)
    assert done.returncode == 0, done.stdout
    assert lottery("run", path, "--results", tmp_path / "alone").returncode == 0
    together, alone = (numbers(read_records([place])[0]) for place in (folder, tmp_path / "alone"))
    assert together == alone
    assert "nothing to submit: all are done" in lottery("submit", path, "--results", folder).stdout
