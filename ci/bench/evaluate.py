"""Benchmark: a window of 2048 tokens evaluated, beside the time of the model's own matrix products and attention alone.

Those are the ceiling: every call of a real pass, made again on inputs of its shape and with its weight, and nothing
between. Medians, the two interleaved. The pruned model's computes the dense model's predictions beside its own. Then
text written at batch 1, beside the speed at which the weights could be read at the measured bandwidth of a copy.

python ci/bench/evaluate.py [--shape 0.4B] [--device cuda] [--dtypes float32 bfloat16] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM, PreTrainedModel

from suite.bench.shapes import SHAPES, shaped
from suite.errors import ExperimentError
from suite.evaluation import memory
from suite.evaluation.decoding import Decoder, captures
from suite.evaluation.divergence import DenseStates, Divergence
from suite.evaluation.generation import NEW_TOKENS, greedy
from suite.evaluation.pages import kept_pages
from suite.evaluation.perplexity import token_losses
from suite.machine import this_machine

CONTEXT = 2048


def built(shape: str, dtype: torch.dtype, device: torch.device) -> PreTrainedModel:
    """A model of a shape with random weights."""
    torch.manual_seed(0)
    with device:
        model = AutoModelForCausalLM.from_config(shaped(shape), dtype=dtype, attn_implementation="sdpa")
    return model.eval().requires_grad_(False)


@contextmanager
def noted() -> Iterator[list[Callable[[], object]]]:
    """The matrix products and attention calls made while inside, to be made again; one input is kept for each shape."""
    calls: list[Callable[[], object]] = []
    inputs: dict[Any, tuple[Any, ...]] = {}
    linear, attention = functional.linear, functional.scaled_dot_product_attention

    def a_product(states: torch.Tensor, *weights: Any, **named: Any) -> torch.Tensor:
        (kept,) = inputs.setdefault(states.shape, (states,))
        calls.append(partial(linear, kept, *weights, **named))
        return linear(states, *weights, **named)

    def an_attention(*states: torch.Tensor, **named: Any) -> torch.Tensor:
        kept = inputs.setdefault(tuple(one.shape for one in states), states)
        calls.append(partial(attention, *kept, **named))
        return attention(*states, **named)

    with (
        patch.object(functional, "linear", a_product),
        patch.object(functional, "scaled_dot_product_attention", an_attention),
    ):
        yield calls


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """How long a piece of work takes, a GPU's own share of it too."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def evaluation(model: PreTrainedModel, way: str, repeats: int) -> dict[str, float]:
    """Median seconds of one window, of its ceiling, and the share of the two.

    Args:
        way: `dense`, or `pruned`: with the divergence from the dense model.
    """
    tokens = torch.randint(model.config.vocab_size, (1, CONTEXT), generator=torch.Generator().manual_seed(0))
    states = DenseStates()
    token_losses(model, tokens, 1, observe=states)
    head = model.get_output_embeddings()

    def work() -> None:
        token_losses(model, tokens, 1, observe=Divergence(states, head) if way == "pruned" else DenseStates())

    with noted() as calls:
        work()

    @kept_pages()
    @torch.inference_mode()
    def ceiling() -> None:
        for call in calls:
            call()

    ceiling()
    pairs = [(seconds(ceiling, model.device), seconds(work, model.device)) for _ in range(repeats)]
    return {
        "seconds": median(taken for _, taken in pairs),
        "ceiling_seconds": median(least for least, _ in pairs),
        "share": median(least / taken for least, taken in pairs),
    }


def bandwidth(device: torch.device, repeats: int) -> float:
    """Bytes a second that a plain copy reads and writes together, 256 MiB at a time."""
    source = torch.ones(2**28, dtype=torch.uint8, device=device)
    other = torch.empty_like(source).copy_(source)
    return 2 * source.nbytes / median(seconds(lambda: other.copy_(source), device) for _ in range(repeats))


def decoding(model: PreTrainedModel, repeats: int) -> dict[str, float | str]:
    """Median tokens a second of each way to write NEW_TOKENS at batch 1, and the most that reading the weights allows.

    Of `generate` the whole is timed, the prompt of 8 tokens among it. Of the table of embeddings but a row is read.
    """
    prompt = torch.arange(8, device=model.device)[None]
    count = {"max_new_tokens": NEW_TOKENS, "min_new_tokens": NEW_TOKENS, "do_sample": False}
    ways: dict[str, Callable[[], float]] = {
        "generate": lambda: NEW_TOKENS / seconds(lambda: model.generate(prompt, **count), model.device),
        "plain loop": lambda: (NEW_TOKENS - 1) / greedy(model, prompt)[2],
    }
    found: dict[str, float | str] = {}
    try:
        decoder = Decoder(model, prompt, NEW_TOKENS)
        ways["captured" if captures(model) else "cache of fixed size"] = lambda: (NEW_TOKENS - 1) / decoder.run()[2]
    except (ExperimentError, RuntimeError) as error:
        found["why not captured"] = str(error)
    for way in ways.values():
        way()
    rounds = [[way() for way in ways.values()] for _ in range(repeats)]
    found |= {name: median(speeds) for name, speeds in zip(ways, zip(*rounds, strict=True), strict=True)}
    table = model.get_input_embeddings().weight
    tied = table.data_ptr() == model.get_output_embeddings().weight.data_ptr()
    read = memory.weights_bytes(model) - (0 if tied else table.nbytes)
    return found | {"limit": bandwidth(model.device, repeats) / read}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="0.4B")
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    parser.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    hardware = f"{this_machine().hardware}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    print(f"{hardware}: {asked.shape} on {asked.device}, one window of {CONTEXT} tokens, median of {asked.repeats}")
    print(f"{'':9} {'':7} {'ceiling':>9} {'taken':>9} {'share':>6}")
    found: dict[str, Any] = {"hardware": hardware, "shape": asked.shape, "device": str(asked.device)}
    found |= {"evaluate": {}, "decode": {}}
    for dtype in asked.dtypes:
        model = built(asked.shape, getattr(torch, dtype), asked.device)
        for way in ("dense", "pruned"):
            one = found["evaluate"][f"{dtype} {way}"] = evaluation(model, way, asked.repeats)
            times = f"{one['ceiling_seconds']:7.3f} s {one['seconds']:7.3f} s {100 * one['share']:4.0f} %"
            print(f"{dtype:9} {way:7} {times}", flush=True)
        speeds = found["decode"][dtype] = decoding(model, asked.repeats)
        told = [f"{name} {one if isinstance(one, str) else f'{one:.1f}'}" for name, one in speeds.items()]
        print(f"{dtype:9} tokens/s: {', '.join(told)}", flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
