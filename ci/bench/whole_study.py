"""Benchmark: the time of a whole study over that of the evaluations in it.

The study is run as a user runs it, by `lottery run` in a process of its own, timed from the start of the process to its
end: the imports, reading the text, hashing and loading the model, pruning and restoring it for each cell, writing the
records, and the check at the end that every weight is back. Of that time, evaluations are what is spent in
`suite.evaluation.perplexity.token_losses`: the forward passes, the losses, and of a pruned cell the divergence from the
dense model. A ratio of 1 would be a study that does nothing else.

It has ten cells: the dense model, and its blocks pruned by magnitude at nine sparsities. No part of an evaluation can
be taken over from a cell before, since each cell prunes the first block. The more windows, the smaller the ratio.

    python ci/bench/whole_study.py [--shape 0.4B | --model NAME] [--dtypes float32 bfloat16] [--windows 2] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SPARSITIES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
CONTEXT = 2048
LONGEST = 1.15  # times its evaluations that a study may take


@dataclass(frozen=True)
class Took:
    """Seconds of a study: `whole`, from the start of its process to its end, of each evaluation, and of all prunings;
    `cells` are those of all cells, their evaluations and prunings among them."""

    whole: float
    evaluations: list[float]
    cells: float
    prunings: float

    @property
    def ratio(self) -> float:
        return self.whole / sum(self.evaluations)

    @property
    def note(self) -> str:
        evaluated = sum(self.evaluations)
        rest = self.cells - evaluated - self.prunings
        return (
            f"{len(self.evaluations)} cells in {self.whole:.3g} s: evaluations {evaluated:.3g} s, pruning "
            f"{self.prunings:.2g} s, the rest of the cells {rest:.2g} s, before and after them "
            f"{self.whole - self.cells:.2g} s"
        )


def run_timed(manifest: Path, results: Path, file: Path) -> None:
    """What the process of the study does: `lottery run`, with the seconds of each evaluation written to a file.

    Raises:
        SystemExit: always, with the exit code of `lottery run`.
    """
    from suite.cli import main as lottery
    from suite.runner import session as module

    session: Any = module
    evaluate, seconds = session.token_losses, list[float]()

    def watched(*given: Any, **named: Any) -> Any:
        started = time.perf_counter()
        try:
            return evaluate(*given, **named)
        finally:
            seconds.append(time.perf_counter() - started)

    session.token_losses = watched
    sys.argv = ["lottery", "run", str(manifest), "--results", str(results)]
    try:
        lottery()
    finally:
        file.write_text(json.dumps(seconds), encoding="utf-8")


def measure(manifest: Path, folder: Path) -> Took:
    """Run a study in a process of its own.

    Raises:
        subprocess.CalledProcessError: an experiment failed, or the study cannot be run.
    """
    from suite.records.store import read_records

    results, file = folder / "results", folder / "evaluations.json"
    command = [sys.executable, __file__, "--run", str(manifest), str(results), str(file)]
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root, "LOTTERY_DATA": str(folder)}
    started = time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    whole = time.perf_counter() - started
    records, _ = read_records([results])
    return Took(
        whole,
        json.loads(file.read_text(encoding="utf-8")),
        sum(record.environment.seconds for record in records),
        sum(record.pruning.seconds for record in records if record.pruning),
    )


def write_study(folder: Path, model: dict[str, str], windows: int) -> Path:
    """The manifest of the ten cells."""
    manifest = folder / "study.yaml"
    study = {
        "title": "A study whose time is told apart",
        "models": [model],
        "text": "stories",
        "context": CONTEXT,
        "windows": windows,
        "measure": ["perplexity"],
        "experiments": [{"target": "blocks", "sparsity": SPARSITIES}],
    }
    manifest.write_text(json.dumps(study), encoding="utf-8")  # JSON is YAML
    return manifest


def main() -> None:
    if sys.argv[1:2] == ["--run"]:
        run_timed(*map(Path, sys.argv[2:]))
    import torch

    from suite.bench.ceilings import native_dtypes
    from suite.bench.figures import Row, at_most, figures, row
    from suite.bench.shapes import SHAPES, shaped, write_shape
    from suite.machine import this_machine

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="0.4B", help="of a model with random weights")
    parser.add_argument("--model", help="one of the catalogue instead, fetched before; or one that ships")
    parser.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--windows", type=int, default=2, help=f"of {CONTEXT} tokens each")
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    name = asked.model or asked.shape
    print(f"{this_machine().hardware}, {torch.get_num_threads()} threads, torch {torch.__version__}; {name}")
    native = native_dtypes(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    rows: list[Row] = []
    for dtype in asked.dtypes:
        values, note = list[float](), f"no native {dtype} here"
        if getattr(torch, dtype) in native:
            with tempfile.TemporaryDirectory() as scratch:
                folder = Path(scratch)
                if not asked.model:
                    write_shape(folder / "model", shaped(name), getattr(torch, dtype))
                place = {} if asked.model else {"path": str(folder / "model")}
                took = measure(write_study(folder, {"name": name, "dtype": dtype, **place}, asked.windows), folder)
            values, note = [took.ratio], took.note
        what = f"{name}, {dtype}, {asked.windows} windows of {CONTEXT} tokens, of its evaluations' time"
        rows.append(row("study", what, values, "times", target=at_most(LONGEST), note=note))
        print(f"{what}: {values[0]:.3f} times; {note}" if values else f"{what}: {note}", flush=True)
    if asked.json:
        figures("whole_study", rows, torch.get_num_threads()).write(asked.json)


if __name__ == "__main__":
    main()
