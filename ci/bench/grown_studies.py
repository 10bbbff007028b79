"""What a study costs at growing numbers of cells and records: `growth.py` draws the laws."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from laws import Growth

from suite.bench.figures import Row, row
from suite.manifest import read_study
from suite.records import Record
from suite.records.store import read_records

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "manifests" / "reference" / "embedded"
MOST = 10_000
Seconds = tuple[float, ...]


@dataclass(frozen=True)
class StudyCosts:
    """What one number of cells costs, in seconds: `lottery plan` as a command, reading its records, the documents."""

    cells: int
    plan: Seconds
    read: Seconds
    report: Seconds


def study_costs(folder: Path, seeds: int, repeats: int) -> StudyCosts:
    """Measure a study of 125 cells a seed, whose records are written into `folder` beside its manifest."""
    manifest = write_manifest(folder, seeds)
    cells = write_records(manifest, folder / "records")
    command = [sys.executable, "-m", "suite"]
    report = [*command, "report", str(folder / "records"), "--out", str(folder / "out")]
    return StudyCosts(
        cells=cells,
        plan=tuple(_run([*command, "plan", str(manifest)]) for _ in range(repeats)),
        read=tuple(_read(folder / "records", cells) for _ in range(repeats)),
        report=(_run(report),),
    )


def write_manifest(folder: Path, seeds: int) -> Path:
    """A study of random pruning by five targets and 25 sparsities, with so many seeds."""
    folder.mkdir(parents=True, exist_ok=True)
    grid = {
        "criterion": "random",
        "target": ["all", "attention", "mlp", "early", "late"],
        "sparsity": [round(0.02 + 0.04 * step, 2) for step in range(25)],
        "seed": list(range(seeds)),
    }
    study = {"title": "Many seeds", "models": "story-mistral", "text": "stories", "measure": ["perplexity"]}
    manifest = folder / "study.yaml"
    manifest.write_text(yaml.safe_dump(study | {"experiments": [grid]}), encoding="utf-8")
    return manifest


def write_records(manifest: Path, folder: Path) -> int:
    """A record of every experiment, with the numbers of the nearest one that ships; how many of them are pruned."""
    shipped = [record for record in read_records([REFERENCE])[0] if record.perplexity and record.status == "done"]
    dense = next(record for record in shipped if record.experiment.dense)
    random = [record for record in shipped if record.experiment.criterion == "random"]
    folder.mkdir()
    experiments = read_study(manifest).experiments
    for asked in experiments:
        like: Record = (
            dense if asked.dense else min(random, key=lambda one: abs(one.experiment.sparsity - asked.sparsity))
        )
        record = like.model_copy(update={"id": asked.id, "experiment": asked}).sealed()
        (folder / f"{asked.id}.json").write_text(record.to_json(), encoding="utf-8")
    return sum(not asked.dense for asked in experiments)


def _read(folder: Path, cells: int) -> float:
    started = time.perf_counter()
    records, damaged = read_records([folder])
    seconds = time.perf_counter() - started
    if len(records) != cells + 1 or damaged:
        raise RuntimeError(f"{len(records)} records read of {cells + 1}, {len(damaged)} damaged")
    return seconds


def _run(command: list[str]) -> float:
    """Seconds of a command, its start among them."""
    started = time.perf_counter()
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
    return time.perf_counter() - started


def laws(found: list[StudyCosts]) -> Iterator[Growth]:
    """How what was found grows, the smallest study first."""
    cells = tuple(one.cells for one in found)
    yield Growth("plan", "lottery plan", "cells", "s", cells, tuple(one.plan for one in found))
    yield Growth("records", "reading them", "records", "s", cells, tuple(one.read for one in found))
    yield Growth("reports", "poster, paper and page", "records", "s", cells, tuple(one.report for one in found))


def largest(found: list[StudyCosts]) -> Row:
    """What the documents of the largest study take; its plan and its records are `report.py`'s."""
    one = found[-1]
    return row("reports", f"lottery report, {MOST:,} cells", one.report if one.cells == MOST else [], "s")
