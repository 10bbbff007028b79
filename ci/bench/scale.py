"""The tables of docs/scale.md: what a sweep of 100 models, ten ways to prune and 20 sparsities would cost.

    python ci/bench/scale.py [--write]

Prints the tables, or writes them into the document between their markers. Change a rate in `sweep.py`, and write again.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

from sweep import BEFORE, GOALS, RATES, SIZES, SPARSEGPT, SPARSITIES, WANDA, WEIGHT_ONLY, Cost

DOCUMENT = Path(__file__).parents[2] / "docs" / "scale.md"
CLUSTERS = (8, 64, 512)  # GPUs
WAYS = WEIGHT_ONLY + WANDA + SPARSEGPT


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown; the first column is text, the others numbers."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))


def number(value: float) -> str:
    """Three digits that count, thousands apart."""
    if value == 0:
        return "0"
    if value >= 100:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"


def engineering(value: float) -> str:
    """With an exponent that three divides: 900e12."""
    power = 3 * math.floor(math.log10(value) / 3) if value >= 1 else 0
    return f"{value / 10**power:g}" + (f"e{power}" if power else "")


def rates() -> str:
    rows = [[one.unit, engineering(one.value), one.source] for one in RATES]
    for what, field in (("evaluation, of the matrix rate", "evaluate"), ("decoding, of the bandwidth", "decode")):
        both = [f"{100 * getattr(reached, field):g} %" for reached in (BEFORE, GOALS)]
        rows.append([f"share reached by {what}", " or ".join(both), "before this work, or its goal"])
    passes = f"{BEFORE.prune:g} or {GOALS.prune:g}"
    rows.append(["times that pruning takes as long as reading and writing the weights", passes, "the same"])
    return table(["what", "value", "from"], rows)


def sizes() -> str:
    head = ["class", "models", "shape of", "parameters", "GB", "GPUs", "hidden states, GB", "mask, GB", "record, kB"]
    rows = [
        [
            *(one.name, str(one.models), one.like, f"{one.anatomy.weights:,}", number(one.bytes / 1e9), str(one.gpus)),
            *(number(one.states / 1e9), number(one.mask / 1e9), number(one.record / 1e3)),
        ]
        for one in SIZES
    ]
    return table(head, rows)


def seconds() -> str:
    head = ["class", "load", "evaluate", "prune", "restore", "Wanda", "SparseGPT", "generate"]
    costs = [Cost(size, GOALS) for size in SIZES]
    rows = [[one.size.name, *map(number, stages(one))] for one in costs]
    return table(head, rows)


def stages(one: Cost) -> tuple[float, ...]:
    return one.load, one.evaluate, one.prune, one.restore, one.wanda, one.sparsegpt, one.write


def hours() -> str:
    head = ["class", "cells", "jobs a model", "before this work", "at its goals", "and all GPUs at work"]
    rows, totals = [], [0.0, 0.0, 0.0]
    for size in SIZES:
        goal = Cost(size, GOALS)
        found = (Cost(size, BEFORE).gpu_hours, goal.gpu_hours, goal.together_hours)
        totals = [total + one for total, one in zip(totals, found, strict=True)]
        rows.append([size.name, f"{size.models * WAYS * SPARSITIES:,}", str(goal.jobs), *map(number, found)])
    cells = sum(size.models for size in SIZES) * WAYS * SPARSITIES
    return table(head, [*rows, ["all", f"{cells:,}", "", *map(number, totals)]])


def clusters() -> str:
    """Days of a whole sweep: GPU hours shared out, but never less than the longest job's."""
    costs = [Cost(size, GOALS) for size in SIZES]
    longest = max(cost.longest for cost in costs) / 3600
    rows = []
    for gpus in CLUSTERS:
        able = [cost for cost in costs if cost.size.gpus <= gpus]
        alone = max(sum(cost.gpu_hours for cost in able) / gpus, longest)
        together = max(sum(cost.together_hours for cost in able) / gpus, longest)
        left_out = ", ".join(cost.size.name for cost in costs if cost not in able) or "none"
        rows.append([str(gpus), number(alone / 24), number(together / 24), left_out])
    return table(["GPUs", "days, one GPU of a model at a time", "days, all GPUs at work", "too large"], rows)


def storage() -> str:
    cells = WAYS * SPARSITIES
    checkpoints = sum(size.models * size.bytes for size in SIZES)
    records = sum(size.models * size.record * (cells + 1) for size in SIZES)
    masks = sum(size.models * size.mask * cells for size in SIZES)
    states = max(size.states for size in SIZES)
    count = sum(size.models for size in SIZES) * (cells + 1)
    rows = [
        ["checkpoints, as published, once on the shared file system", f"{number(checkpoints / 1e12)} TB"],
        [f"records, {count:,} files", f"{number(records / 1e9)} GB"],
        ["masks, if every one were kept (records keep their digests)", f"{number(masks / 1e12)} TB"],
        ["hidden states on the host, the dense model's and a calibration's, at most", f"{number(states / 1e9)} GB"],
        ["stored values to restore from, in the host's page cache, at most", f"{number(SIZES[-1].bytes / 1e9)} GB"],
    ]
    return table(["what", "how much"], rows)


TABLES = {
    "rates": rates,
    "sizes": sizes,
    "seconds": seconds,
    "hours": hours,
    "clusters": clusters,
    "storage": storage,
}


def rewritten(text: str) -> str:
    """The document with every table made anew between its markers.

    Raises:
        ValueError: a table's markers are not in it.
    """
    for name, make in TABLES.items():
        begin, end = f"<!-- {name}: ci/bench/scale.py -->", f"<!-- end of {name} -->"
        if begin not in text or end not in text:
            raise ValueError(f"the document has no place {begin} ... {end}")
        head, _, rest = text.partition(begin)
        text = f"{head}{begin}\n{make()}\n{end}{rest.partition(end)[2]}"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help=f"write them into {DOCUMENT.name}")
    if parser.parse_args().write:
        DOCUMENT.write_text(rewritten(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print("\n\n".join(f"{name}\n{make()}" for name, make in TABLES.items()))


if __name__ == "__main__":
    main()
