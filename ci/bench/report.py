"""Benchmark: records to poster, paper and page, step by step, and all at once as `lottery report` does it.

python ci/bench/report.py [RESULTS] [--repeats 5]

Every repeat is a process of its own, as on the command line: what a first document compiles and reads is not paid for
by another one's measurement.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 5.0  # seconds that poster and paper may take together once the records exist


def once(results: str) -> dict[str, float]:
    """Seconds of each step, in this process, which has imported nothing of the reports yet."""
    times: dict[str, float] = {}
    started = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal started
        now = time.perf_counter()
        times[name] = now - started
        started = now

    from suite.analysis.facts import build_facts
    from suite.records.store import read_plans, read_records
    from suite.report.page import build_page
    from suite.report.paper import build_paper
    from suite.report.poster import build_poster

    lap("imports")
    records, _ = read_records([Path(results)])
    plans = read_plans([Path(results)])
    lap("reading the records")
    facts = build_facts(records, plans)
    lap("facts")
    build_poster(facts)
    lap("poster")
    build_paper(facts)
    lap("paper")
    build_page(facts)
    lap("page")
    return times


def whole(results: str) -> float:
    """Seconds of the command, from its start to its end."""
    with tempfile.TemporaryDirectory() as out:
        command = "from suite.cli import main; main()"
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", command, "report", results, "--out", out], check=True, capture_output=True
        )
        return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", nargs="?", default="results/embedded")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once:
        print(json.dumps(once(arguments.results)))
        return
    from suite.machine import this_machine  # here, so that it is no part of the imports measured

    again = [sys.executable, __file__, arguments.results, "--once"]
    runs = [json.loads(subprocess.check_output(again)) for _ in range(arguments.repeats)]
    commands = [whole(arguments.results) for _ in range(arguments.repeats)]
    records = sum(1 for path in Path(arguments.results).rglob("*.json") if path.name != "plan.json")
    print(f"{this_machine().hardware}, {records} records, median of {arguments.repeats} (least to most)")
    steps = {name: [run[name] for run in runs] for name in runs[0]}
    steps["one after another"] = [sum(run.values()) for run in runs]
    steps["lottery report"] = commands
    for name, seconds in steps.items():
        print(f"{name:22} {statistics.median(seconds):6.2f} s   ({min(seconds):.2f} to {max(seconds):.2f})")
    print(f"{'limit':22} {LIMIT:6.2f} s")


if __name__ == "__main__":
    main()
