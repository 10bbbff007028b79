"""Benchmark: a model from its GGUF file until it can be evaluated (dequantised, written, loaded): seconds and memory.

Each model has a process of its own and an empty cache. Peak memory is the resident set's; the weights are mapped from
the file that was written, so it is told again once every weight was read.

python ci/bench/gguf_ready.py [MODEL...]      models of the catalogue; both that come from packages where none is named
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
from dataclasses import replace

import torch

from suite.evaluation import memory
from suite.gguf.cache import located
from suite.machine import this_machine
from suite.models import catalogue
from suite.models.loading import load_model
from suite.models.source import from_catalogue


def ready(name: str) -> tuple[float, int, int, int]:
    """Seconds until the model is loaded, the peak by then and once every weight was read, and the weights' bytes."""
    source = from_catalogue(name)
    assert source.gguf is not None, f"{name} does not come from a GGUF file"
    source = replace(source, gguf=replace(source.gguf, path=located(source)))
    with tempfile.TemporaryDirectory() as empty:
        os.environ["HF_HOME"] = empty
        started = time.perf_counter()
        loaded = load_model(source, "float32", "a benchmark")
        seconds, loading = time.perf_counter() - started, memory.peaks(loaded.device).rss_bytes
        for parameter in loaded.model.parameters():
            parameter.sum()
        reading = memory.peaks(loaded.device).rss_bytes
    if loading is None or reading is None:
        raise SystemExit("the peak of the resident set is not told here (Linux tells it)")
    return seconds, loading, reading, memory.weights_bytes(loaded.model)


def main(names: list[str]) -> None:
    print(f"{this_machine().hardware}, torch {torch.__version__}, float32")
    print(f"{'model':30} {'s until ready':>14} {'GB peak':>8} {'GB, all read':>13} {'GB of weights':>14}")
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for name in names or [name for name, model in catalogue.MODELS.items() if getattr(model, "weights", None)]:
            seconds, *sizes = pool.apply(ready, (name,))
            loading, reading, weights = (size / 1e9 for size in sizes)
            print(f"{name:30} {seconds:14.1f} {loading:8.2f} {reading:13.2f} {weights:14.2f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
