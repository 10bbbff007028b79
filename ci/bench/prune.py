"""Benchmark: a model's block weights pruned by half and restored, beside the usual way and a plain copy, in one run.

Pruning is what an experiment does: choose by magnitude, make zero, pack, count and digest the mask. The usual way is
`torch.nn.utils.prune.l1_unstructured` and `remove` on each layer, and loading the model again. The model has the shape
and number of weights of a real one, at random.

A copy of the same tensors is made in two ways: to new memory, which the system has to fetch first, and to memory that
was written before, which is as fast as bytes can be moved. A target of pruning beside the latter (5 copies in float16,
6 in float32) was wrong: it was set beside a copy of 2.9 GB/s, which is one to new memory, and pruning counts and
compares, which a copy does not. It is held against nanoseconds a weight instead, and restoring against the copy, which
is all that it does.

python ci/bench/prune.py [--size 0.4B] [--dtypes float16 float32] [--repeats 5] [--layers N] [--json FILE]
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import prune

from suite.bench.figures import Row, at_least, at_most, figures, row
from suite.bench.shapes import SHAPES, shaped, write_shape
from suite.bench.stages import SPARSITY, half
from suite.bench.timing import seconds_of
from suite.machine import this_machine
from suite.models.loading import LoadedModel, load_model
from suite.models.pruned import pruned
from suite.models.source import from_folder

ASKED = half("blocks")
NANOSECONDS = 1.0  # a weight, at most, on two cores


def usual(loaded: LoadedModel) -> None:
    for parameter in loaded.anatomy.block_linears:
        layer = loaded.layer(parameter.name)
        prune.l1_unstructured(layer, "weight", amount=SPARSITY)
        prune.remove(layer, "weight")


def measure(folder: Path, dtype: str, repeats: int) -> dict[str, Any]:
    """Median seconds of each piece of work on one model, interleaved; of the usual way, once."""

    def load() -> LoadedModel:
        return load_model(from_folder("shape", folder), dtype, "a benchmark")

    loaded = load()
    device = loaded.device
    weights = [loaded.parameter(parameter.name).data for parameter in loaded.anatomy.block_linears]
    pristine = [weight.clone() for weight in weights]
    size = sum(weight.nbytes for weight in weights)
    copied: list[Tensor] = []
    measured = ("prune", "restore", "new copy", "copy", "load again", "usual prune")
    times: dict[str, list[float]] = {name: [] for name in measured}

    def copy() -> None:
        for weight, other in zip(weights, pristine, strict=True):
            other.copy_(weight)

    def new_copy() -> None:
        # In one piece, since memory of small ones that were freed may be at hand, at the allocator's discretion.
        parts = torch.empty(size, dtype=torch.uint8, device=device).split([weight.nbytes for weight in weights])
        copied.extend(part.view(w.dtype).view_as(w).copy_(w) for part, w in zip(parts, weights, strict=True))

    for repeat in range(repeats + 1):  # the first is to warm up
        stack = ExitStack()
        done = []
        found = {"prune": seconds_of(lambda: done.append(stack.enter_context(pruned(loaded, ASKED))), device)}  # noqa: B023
        found["restore"] = seconds_of(stack.close, device)
        found["new copy"] = seconds_of(new_copy, device)
        copied.clear()
        found["copy"] = seconds_of(copy, device)
        if repeat:
            for name, value in found.items():
                times[name].append(value)
    assert loaded.strays() == [], "a model that was restored is the one that was loaded"
    again: list[LoadedModel] = []
    times["load again"].append(seconds_of(lambda: again.append(load()), device))
    again.pop().close()
    pristine.clear()
    times["usual prune"].append(seconds_of(lambda: usual(loaded), device))
    zeros = sum(int((loaded.parameter(parameter.name) == 0).sum()) for parameter in loaded.anatomy.block_linears)
    assert zeros == done[-1].achieved.zeros, "both ways remove as many weights"
    return {
        "dtype": dtype,
        "device": device.type,
        "weights": loaded.anatomy.block_weights,
        "bytes": size,
        "zeros": zeros,
        "mask": done[-1].achieved.mask_digest,
        "seconds": {name: statistics.median(values) for name, values in times.items()},
        "times": times,
    }


def show(one: dict[str, Any]) -> None:
    took = one["seconds"]
    print(f"\n{one['weights']:,} weights of {one['dtype']}, {one['bytes'] / 1e6:,.0f} MB, {one['zeros']:,} made zero")
    print(f"{took['prune'] / one['weights'] * 1e9:.2f} ns to prune a weight")
    print(f"{'':14}{'seconds':>9}{'copies':>8}{'usual way':>11}{'times faster':>14}")
    for name, other in (("prune", "usual prune"), ("restore", "load again")):
        ratio = took[other] / took[name]
        print(f"{name:14}{took[name]:9.3f}{took[name] / took['copy']:8.1f}{took[other]:11.2f}{ratio:14.0f}")
    for name in ("copy", "new copy"):
        print(f"{'a ' + name:14}{took[name]:9.3f}{took[name] / took['copy']:8.1f}")


def rows_of(one: dict[str, Any], name: str) -> list[Row]:
    """The figures of one dtype; targets are those of a model of some 0.4 billion parameters on a processor."""
    dtype, times = one["dtype"], one["times"]
    asked = {"float16": (at_least(25), at_most(5)), "float32": (at_least(15), at_most(6))}
    on_cpu = one["device"] == "cpu"
    faster, copies = asked.get(dtype, (None, None)) if on_cpu else (None, None)
    limit = at_most(NANOSECONDS) if on_cpu and torch.get_num_threads() >= 2 else None
    each = [seconds / one["weights"] * 1e9 for seconds in times["prune"]]

    def ratios(above: str, below: str) -> list[float]:
        over = times[below] if len(times[below]) > 1 else times[below] * len(times[above])
        beside = times[above] if len(times[above]) > 1 else times[above] * len(over)
        return [a / b for a, b in zip(beside, over, strict=True)]

    same = "the same bytes to"
    quicker = ratios("usual prune", "prune")
    usual = f"{one['seconds']['usual prune']:.3g} s the usual way"
    return [
        row("prune", f"{name}, {dtype}", times["prune"], "s", note=f"{one['weights']:,} weights"),
        row("prune", f"{name}, {dtype}, a weight", each, "ns", target=limit),
        row("prune", f"{name}, {dtype}, than torch.nn.utils.prune", quicker, "times", target=faster, note=usual),
        row("prune", f"{name}, {dtype}, of {same} new memory", ratios("prune", "new copy"), "copies", target=copies),
        row(
            "restore",
            f"{name}, {dtype}, of {same} memory at hand",
            ratios("restore", "copy"),
            "copies",
            target=at_most(1.5),
        ),
        row("restore", f"{name}, {dtype}, than loading again", ratios("load again", "restore"), "times"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SHAPES, default="0.4B")
    parser.add_argument("--layers", type=int, help="of the model, for a smaller one")
    parser.add_argument(
        "--dtypes", nargs="+", choices=("float16", "bfloat16", "float32"), default=("float16", "float32")
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file too")
    options = parser.parse_args()
    machine = {"hardware": this_machine().hardware, "threads": torch.get_num_threads(), "torch": torch.__version__}
    print(f"{machine['hardware']}, {machine['threads']} threads, torch {machine['torch']}; median of {options.repeats}")
    config = shaped(options.size, **({"num_hidden_layers": options.layers} if options.layers else {}))
    found = []
    for dtype in options.dtypes:
        with tempfile.TemporaryDirectory() as scratch:
            os.environ["LOTTERY_DATA"] = scratch  # what a manifest may name lies there
            write_shape(Path(scratch), config, getattr(torch, dtype))
            found.append(measure(Path(scratch), dtype, options.repeats))
        gc.collect()
        show(found[-1])
    if options.json:
        name = options.size + (f" of {options.layers} layers" if options.layers else "")
        rows = [line for one in found for line in rows_of(one, name)]
        figures("prune", rows, torch.get_num_threads()).write(options.json)


if __name__ == "__main__":
    main()
