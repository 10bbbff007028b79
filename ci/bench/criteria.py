"""Benchmark: time and peak memory of pruning one model by each criterion, beside one another, in one run.

The model is Llama-shaped with random weights (by default of about 100 million parameters), on the GPU where there is
one. Each criterion has a process of its own, prunes once to warm up on a single window, and then for the measurement.
Memory is what pruning held at most over the loaded model: on a processor the process's resident set, in which the
hidden states of the calibration and SparseGPT's matrices lie; on a GPU what its allocator gave out.

python ci/bench/criteria.py [--width 768 --inner 2048 --layers 12] [--samples 16 --context 256] [--json]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from suite.data.tokenizer import story_tokenizer
from suite.evaluation import memory
from suite.machine import this_machine
from suite.models.loading import load_model
from suite.models.pruned import pruned
from suite.models.source import from_folder
from suite.records.experiment import Experiment, TextReference

VOCABULARY = 8192
WAYS: tuple[dict[str, Any], ...] = (
    {"criterion": "random", "seed": 0},
    {"criterion": "magnitude"},
    {"criterion": "magnitude", "scope": "row"},
    {"criterion": "magnitude", "pattern": "2:4"},
    {"criterion": "wanda", "scope": "row"},
    {"criterion": "wanda", "pattern": "2:4"},
    {"criterion": "wanda", "scope": "row", "allocation": "owl"},
    {"criterion": "sparsegpt"},
    {"criterion": "sparsegpt", "pattern": "2:4"},
)


@dataclass(frozen=True)
class Measured:
    """One way to prune: seconds, and bytes over the loaded model (None where the system does not tell)."""

    way: str
    seconds: float
    bytes_over_model: int | None
    zeros: int


def make_model(folder: Path, arguments: argparse.Namespace) -> None:
    from transformers import AutoConfig, AutoModelForCausalLM  # which `suite.models` has made quiet

    config = AutoConfig.for_model(
        "llama",
        vocab_size=VOCABULARY,
        hidden_size=arguments.width,
        intermediate_size=arguments.inner,
        num_hidden_layers=arguments.layers,
        num_attention_heads=arguments.width // 64,
        num_key_value_heads=arguments.width // 64,
        max_position_embeddings=arguments.context,
    )
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, arguments.dtype))
    model.save_pretrained(folder)
    story_tokenizer().save_pretrained(folder)


def measure(folder: Path, arguments: argparse.Namespace, way: dict[str, Any]) -> Measured:
    loaded = load_model(from_folder("random", folder), arguments.dtype, "a benchmark")
    text = TextReference(name="random tokens", revision="seed 0", join="")
    asked = Experiment(
        model="random", revision="seed 0", target="blocks", sparsity=0.5, text=text, context=arguments.context, **way
    )
    shape = (arguments.samples, arguments.context)
    tokens = torch.randint(VOCABULARY, shape, generator=torch.Generator().manual_seed(0))
    with pruned(loaded, asked, tokens[:1]):
        pass
    on_gpu = loaded.device.type == "cuda"
    before = torch.cuda.memory_allocated() if on_gpu else memory.resident()
    memory.reset_peaks()
    with pruned(loaded, asked, tokens) as done:
        high = memory.peaks(loaded.device).bytes
    over = None if before is None or high is None else max(0, high - before)
    name = " ".join(str(value) for key, value in way.items() if key != "seed")
    return Measured(name, done.achieved.seconds, over, done.achieved.zeros)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option, value in (("width", 768), ("inner", 2048), ("layers", 12), ("samples", 16), ("context", 256)):
        parser.add_argument(f"--{option}", type=int, default=value)
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16", "float16"))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.width % 64:
        parser.error(f"--width {arguments.width} is no multiple of 64, the width of a head")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ["LOTTERY_DATA"] = scratch
        # What is freed goes back to the system at once, so that the resident set is what is held.
        os.environ["MALLOC_MMAP_THRESHOLD_"] = "1000000"
        make_model(folder, arguments)
        with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
            found = [pool.apply(measure, (folder, arguments, way)) for way in WAYS]
        weights = from_folder("random", folder).anatomy.weights
    machine = {"hardware": this_machine().hardware, "threads": torch.get_num_threads(), "torch": torch.__version__}
    setting = {**machine, **{k: v for k, v in vars(arguments).items() if k != "json"}, "parameters": weights}
    if arguments.json:
        print(json.dumps({**setting, "measured": [asdict(one) for one in found]}, indent=1))
        return
    print(f"{machine['hardware']}, {machine['threads']} threads, torch {machine['torch']}")
    print(
        f"{weights:,} parameters in {arguments.dtype}, blocks pruned by half, "
        f"{arguments.samples} x {arguments.context} tokens of calibration"
    )
    print(f"{'':26} {'seconds':>8} {'MB over the model':>18}")
    for one in found:
        held = "not told" if one.bytes_over_model is None else f"{one.bytes_over_model / 1e6:.0f}"
        print(f"{one.way:26} {one.seconds:8.2f} {held:>18}")


if __name__ == "__main__":
    main()
