"""Measure this machine, and publish it: ci/bench/results/<machine>.json, and from all such files the tables of
docs/benchmarks.md and docs/scale.md.

    python ci/bench/publish.py [BENCHMARK...] [--table]

BENCHMARK is one of those listed in BENCHMARKS; by default all of them, which takes an hour and a half on two
cores. What others measured before stays. The machine should do nothing else.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from suite.bench.figures import Figures
from suite.bench.measured import Measured, slug
from suite.bench.published import Published, Run, in_place, read_published, tables
from suite.errors import InputError
from suite.machine import this_machine
from suite.paths import ROOT
from suite.runner.environment import commit, libraries

RESULTS = ROOT / "ci" / "bench" / "results"
# Scripts beside this one, with what they are asked for here; each writes its figures to `--json FILE`.
BENCHMARKS: dict[str, tuple[str, ...]] = {
    "bench": (),  # the command itself
    "prune": (),
    "evaluate": (),
    "against_plain": (),
    "divergence": (),
    "cliff": (),
    "generation": (),
    "whole_study": (),
    "growth": (),
    "forecast": (),
    "report": (),
    "trainings": (),
}
ON_GPU = {"evaluate": ("--device", "cuda", "--shape", "7B", "--dtypes", "bfloat16")}


def measure(name: str) -> Run:
    """Run one benchmark in a process of its own; its words go to the terminal.

    Raises:
        InputError: it failed.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "figures.json"
        if name == "bench":
            with file.open("wb") as out:
                done = subprocess.run([sys.executable, "-m", "suite", "bench", "--json"], stdout=out, env=environment)
        else:
            script = str(Path(__file__).with_name(f"{name}.py"))
            asked = ON_GPU.get(name, BENCHMARKS[name]) if this_machine().gpus else BENCHMARKS[name]
            command = [sys.executable, script, *asked, "--json", str(file)]
            done = subprocess.run(command, env=environment)
        if done.returncode or not file.is_file():
            raise InputError(f"the benchmark {name} ended with exit code {done.returncode} and is not published")
        content = file.read_bytes()
    run = Run(benchmark=name, date=datetime.now(UTC).date().isoformat(), commit=commit())
    found = Measured.model_validate_json(content) if name == "bench" else Figures.model_validate_json(content)
    return run.model_copy(update={"measured" if isinstance(found, Measured) else "figures": found})


def publish(names: list[str]) -> Path:
    """Measure, and write this machine's file after each benchmark, so that what is done is kept."""
    machine = this_machine()
    path = RESULTS / f"{slug(machine.hardware)}.json"
    known = Published.model_validate_json(path.read_bytes()).runs if path.is_file() else ()
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    found = Published(hardware=machine.hardware, system=system, libraries=libraries(), runs=known)
    for name in names:
        found = found.with_run(measure(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found.to_json(), encoding="utf-8")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmarks", nargs="*", metavar="BENCHMARK", help=", ".join(BENCHMARKS))
    parser.add_argument("--table", action="store_true", help="measure nothing: only make the tables anew")
    options = parser.parse_args()
    if unknown := set(options.benchmarks) - set(BENCHMARKS):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    try:
        if not options.table:
            print(publish(options.benchmarks or list(BENCHMARKS)))
        for document, made in tables(read_published(RESULTS)).items():
            document.write_text(in_place(document.read_text(encoding="utf-8"), made), encoding="utf-8")
    except InputError as error:
        parser.exit(2, f"publish: {error}\n")


if __name__ == "__main__":
    main()
