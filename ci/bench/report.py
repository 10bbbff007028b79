"""Benchmark: what a user waits for where no model runs: documents, plans, records and the start of commands, in one
run, each beside its limit.

python ci/bench/report.py [RESULTS...] [--repeats 5] [--json FILE]

RESULTS are folders of studies, by default all that ship. Every measurement is a process of its own, as on
the command line; those of one repeat follow one another, so that a busy moment strikes all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

MANY = 10_000  # cells of the study that is planned, and records that are read
MANIFEST = """
title: Ten thousand cells
models: [mistral-7b, qwen2.5-7b, phi-2, smollm2-1.7b, qwen2.5-0.5b]
text: wikitext-2
experiments:
  - {{target: [all, blocks, attention, mlp], criterion: random, sparsity: {sparsities}, seed: {seeds}}}
"""
LOCAL = """
title: A model of this disk
models: [{name: local, path: model}]
text: stories
experiments: [{target: blocks, sparsity: 0.5}]
"""
SPARSITIES, SEEDS = [k / 100 for k in range(4, 100, 4)][:20], list(range(25))

# Seconds. Documents: poster, paper, supplement and page of everything that ships.
LIMITS = {
    "lottery report": 5.0,
    "lottery plan, 10,000 cells": 5.0,
    "reading 10,000 records": 10.0,
    "lottery --help": 0.3,
    "lottery plan phase2": 1.0,
    "lottery plan, a local model of 0.8 GB, again": 1.0,
}


def steps(results: list[Path]) -> Iterator[str]:
    """From records to documents in this process, which has imported nothing of the reports yet: each step's name, once
    it is done."""
    from suite.gc_paused import gc_paused

    with gc_paused():
        from suite.analysis.facts import build_facts
        from suite.records.store import read_plans, read_records
        from suite.report.contents import contents_of
        from suite.report.media.page import build_page
        from suite.report.media.paper import build_paper, build_supplement
        from suite.report.media.poster import build_poster

        yield "imports"
        records, _ = read_records(results)
        plans = read_plans(results)
        yield "reading the records"
        facts = build_facts(records, plans)
        yield "facts"
        contents = contents_of(facts)
        yield "sections"
        build_poster(contents)
        yield "poster"
        build_paper(contents)
        yield "paper"
        build_supplement(contents)
        yield "supplement"
        build_page(contents)
        yield "page"


def once(results: list[Path]) -> dict[str, float]:
    """Seconds of each step."""
    times, started = {}, time.perf_counter()
    for name in steps(results):
        now = time.perf_counter()
        times[name], started = now - started, now
    return times


def read(results: list[Path]) -> dict[str, float]:
    """Seconds to read the records, with every check of them."""
    from suite.records.store import read_records

    started = time.perf_counter()
    records, damaged = read_records(results)
    seconds = time.perf_counter() - started
    if damaged or len(records) != MANY:
        raise RuntimeError(f"{len(records)} records were read, {len(damaged)} were not")
    return {"reading 10,000 records": seconds}


def commands(*several: list[str], cache: Path | None = None) -> float:
    """Seconds from the start of `lottery` commands, all at once, to the end of the last.

    Args:
        cache: in place of the user's own.
    """
    settings = {**os.environ, **({"HF_HOME": str(cache)} if cache else {})}
    python = [sys.executable, "-m", "suite"]
    started = time.perf_counter()
    running = [
        subprocess.Popen([*python, *one], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=settings)
        for one in several
    ]
    for one in running:
        _, said = one.communicate()
        if one.returncode and b"needs about" not in said:  # what does not fit this machine was planned all along
            raise RuntimeError(said.decode())
    return time.perf_counter() - started


def apart(*arguments: str) -> dict[str, float]:
    """What a function of this file measures in a process of its own."""
    times: dict[str, float] = json.loads(subprocess.check_output([sys.executable, __file__, *arguments]))
    return times


def make_records(folder: Path) -> None:
    """Records of the embedded study, the random ones under ever other seeds."""
    from suite.paths import MANIFESTS
    from suite.records.store import read_records

    folder.mkdir()
    shipped, _ = read_records([MANIFESTS / "reference" / "embedded"])
    drawn = [record for record in shipped if record.experiment.seed is not None]
    for number in range(MANY):
        record = drawn[number % len(drawn)]
        experiment = record.experiment.model_copy(update={"seed": number})
        record = record.model_copy(update={"experiment": experiment, "id": experiment.id}).sealed()
        (folder / f"{record.id}.json").write_text(record.to_json(), encoding="utf-8")


def make_model(folder: Path) -> None:
    """A manifest, and beside it a model of 415 million random weights in bfloat16."""
    import torch

    from suite.bench.shapes import shaped, write_shape

    write_shape(folder / "model", shaped("0.4B"), torch.bfloat16)
    (folder / "local.yaml").write_text(LOCAL, encoding="utf-8")


def local_plans(scratch: Path) -> dict[str, float]:
    """A model's weights are hashed by the first plan, and remembered by the next."""
    plan, cache = ["plan", str(scratch / "local.yaml")], scratch / "cache"
    (cache / "lottery" / "hashes.json").unlink(missing_ok=True)
    name = "lottery plan, a local model of 0.8 GB"
    return {f"{name}, first": commands(plan, cache=cache), f"{name}, again": commands(plan, cache=cache)}


def measure(results: list[Path], scratch: Path) -> dict[str, float]:
    """Everything once: name to seconds."""
    names = [str(folder) for folder in results]
    out = ["--out", str(scratch / "out")]
    return {
        **apart("--once", *names),
        "lottery report": commands(["report", *names, *out]),
        "lottery plan, 10,000 cells": commands(["plan", str(scratch / "many.yaml")]),
        **apart("--read", str(scratch / "many")),
        "lottery records, 10,000": commands(["records", str(scratch / "many")]),
        "lottery status, 10,000": commands(["status", str(scratch / "many")]),
        "lottery --help": commands(["--help"]),
        "lottery plan phase2": commands(["plan", "manifests/phase2.yaml"]),
        **local_plans(scratch),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shipped = sorted(path for path in Path("manifests/reference").iterdir() if path.is_dir())
    parser.add_argument("results", nargs="*", type=Path, default=shipped)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file too")
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--read", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once or arguments.read:
        print(json.dumps((once if arguments.once else read)(arguments.results)))
        return
    from suite.bench.figures import Stage, at_most, figures, row  # here, so that they are no part of what is measured

    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        (scratch / "many.yaml").write_text(MANIFEST.format(sparsities=SPARSITIES, seeds=SEEDS), encoding="utf-8")
        make_model(scratch)
        make_records(scratch / "many")
        commands(["report", *map(str, arguments.results), "--out", name])  # the templates are compiled once for all
        runs = [measure(arguments.results, scratch) for _ in range(arguments.repeats)]
    found = {name: sorted(run[name] for run in runs) for name in runs[0]}
    records = sum(1 for folder in arguments.results for path in folder.rglob("*.json") if path.name != "plan.json")
    stages: dict[str, Stage] = {"lottery plan, 10,000 cells": "plan", "reading 10,000 records": "records"}
    stages |= {"lottery --help": "start", "lottery plan phase2": "start"}
    stages |= {name: "plan" for name in found if "local model" in name}
    rows = [
        row(stages.get(name, "reports"), name, times, "s", target=at_most(LIMITS[name]) if name in LIMITS else None)
        for name, times in found.items()
    ]
    made = figures("report", rows)
    if arguments.json:
        made.write(arguments.json)
    print(f"{made.hardware}, {records} records, median of {arguments.repeats} (least to most), seconds")
    for name, seconds in found.items():
        limit = f"limit {LIMITS[name]:g}" if name in LIMITS else ""
        print(f"{name:45} {statistics.median(seconds):6.2f}   ({seconds[0]:.2f} to {seconds[-1]:.2f})   {limit}")


if __name__ == "__main__":
    main()
