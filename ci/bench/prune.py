"""Benchmark: magnitude pruning of one 4096 x 14336 float16 tensor at 50 %, beside `torch.nn.utils.prune`, in one run.

python ci/bench/prune.py [--repeats 5]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch.nn.utils import prune

from suite.machine import this_machine
from suite.pruning.choose import choose

SHAPE = (4096, 14336)


def seconds(work: Callable[[], object], repeats: int, prepare: Callable[[], object]) -> float:
    """The median time of a piece of work, each time on fresh weights."""
    times = []
    for _ in range(repeats):
        prepare()
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    pristine = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0)).half()
    layer = torch.nn.Linear(SHAPE[1], SHAPE[0], bias=False, dtype=torch.float16)
    weight, other = torch.empty_like(pristine), torch.empty_like(pristine)

    def ours() -> None:
        ((_, removed, _),) = choose(
            {"w": weight.numel()}, lambda _: weight, criterion="magnitude", scope="tensor", sparsity=0.5
        )
        weight.masked_fill_(removed, 0)

    def theirs() -> None:
        prune.l1_unstructured(layer, "weight", amount=0.5)
        prune.remove(layer, "weight")

    ours_time = seconds(ours, repeats, lambda: weight.copy_(pristine))
    theirs_time = seconds(theirs, max(1, repeats // 2), lambda: layer.weight.data.copy_(pristine))
    copy_time = seconds(lambda: other.copy_(pristine), repeats, lambda: None)
    zeros = int((weight == 0).sum())
    print(f"{this_machine().hardware}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"4096 x 14336 float16, 50 %: {zeros:,} zeros (exactly {round(0.5 * pristine.numel()):,} asked)")
    print(f"suite                             {ours_time:7.3f} s   {ours_time / copy_time:6.1f} copies of the tensor")
    print(f"l1_unstructured + remove          {theirs_time:7.3f} s   {theirs_time / copy_time:6.1f} copies")
    print(f"a plain copy                      {copy_time:7.3f} s")
    print(f"ratio                             {theirs_time / ours_time:7.1f} x")


if __name__ == "__main__":
    main()
