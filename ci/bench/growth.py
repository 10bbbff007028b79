"""Benchmark: how cost grows, from 1 to 16 times the size by doubling, and the power law through it.

    python ci/bench/growth.py [--parts models studies] [--repeats 3] [--scale 1.0] [--seeds 5] [--json FILE]

Pruning and restoring against the weights they change; evaluation against weights and against tokens; the memory it
holds against the model, and against tokens, with which it should not grow; `lottery plan`, reading records and the
documents against the number of cells, to 10,000. Cost should grow as size, or less: an exponent of 1 at most. Where
constant costs dominate it is less, and from which size on they do not is said. A model has a process of its own, so
that what another one held does not count.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import grown_models
import grown_studies
import torch
from laws import Growth

from suite.bench.figures import Row, figures
from suite.machine import this_machine


def of_models(repeats: int, scale: float) -> list[Growth]:
    """The laws of a model's stages."""
    found = []
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for step in range(len(grown_models.STEPS)):
            found.append(pool.apply(grown_models.model_costs, (step, scale, repeats, step == 0)))
            print(f"measured: a model of {found[-1].changed:,} weights in its blocks", file=sys.stderr)
    return [*grown_models.laws(found)]


def of_studies(repeats: int, seeds: int) -> tuple[list[Growth], Row]:
    """The laws of a study's stages, and what the documents of the largest take."""
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        for factor in grown_models.FACTORS:
            found.append(grown_studies.study_costs(Path(scratch, str(factor)), seeds * factor, repeats))
            print(f"measured: a study of {found[-1].cells:,} cells", file=sys.stderr)
    return [*grown_studies.laws(found)], grown_studies.largest(found)


def lines(found: list[Growth], others: list[Row]) -> Iterator[str]:
    """The table: exponents with their 95 % intervals, and where they hold."""
    yield f"{'':62} expected exponent  95 % interval"
    for growth in found:
        one, law = growth.row(), growth.law
        what, interval = one.what, f"{law.low:.2f} to {law.high:.2f}"
        yield f"{what:62} {growth.expected:8g} {law.exponent:8.2f}  {interval}\n    {one.note}"
    for other in others:
        yield f"{other.what}: " + ("not measured" if other.value is None else f"{other.value:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", default=["models", "studies"], choices=["models", "studies"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="of the models' width, in eighths")
    parser.add_argument("--seeds", type=int, default=5, help="of the smallest study, which has 125 cells for each")
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    if asked.scale not in (0.125, 0.25, 0.5, 1.0) or min(asked.repeats, asked.seeds) < 1 or asked.seeds > 5:
        parser.error("--scale is 0.125, 0.25, 0.5 or 1, --seeds 1 to 5, --repeats 1 or more")
    print(f"{this_machine().hardware}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    found, others = (of_models(asked.repeats, asked.scale) if "models" in asked.parts else []), list[Row]()
    if "studies" in asked.parts:
        laws, largest = of_studies(asked.repeats, asked.seeds)
        found += laws
        others.append(largest)
    print("\n".join(lines(found, others)))
    if asked.json:
        rows = [*(growth.row() for growth in found), *others]
        figures("growth", rows, torch.get_num_threads()).write(asked.json)


if __name__ == "__main__":
    main()
