"""Benchmark: a window of 2048 tokens evaluated, beside the time of the model's own matrix products and attention alone.

Those are the ceiling: every call of a real pass, made again on inputs of its shape and with its weight, and nothing
between. Medians, the two interleaved. The pruned model's computes the dense model's predictions beside its own. Then
text written at batch 1, beside the speed at which the weights could be read at the measured bandwidth of a copy.

python ci/bench/evaluate.py [--shape 0.4B] [--device cuda] [--dtypes float32 bfloat16] [--json FILE]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM, PreTrainedModel

from suite.bench.ceilings import copy_bandwidth, native_dtypes
from suite.bench.figures import Row, at_least, figures, row, told
from suite.bench.shapes import SHAPES, shaped
from suite.bench.timing import seconds_of
from suite.bench.work import step_bytes
from suite.errors import ExperimentError
from suite.evaluation import products
from suite.evaluation.decoding import Decoder, captures
from suite.evaluation.divergence import DenseStates, Divergence
from suite.evaluation.generation import greedy
from suite.evaluation.perplexity import token_losses
from suite.evaluation.products import fast_products
from suite.evaluation.retained_malloc import retained_malloc
from suite.machine import this_machine
from suite.models.anatomy import Anatomy
from suite.protocol import NEW_TOKENS

CONTEXT = 2048


def built(shape: str, dtype: torch.dtype, device: torch.device) -> PreTrainedModel:
    """A model of a shape with random weights."""
    torch.manual_seed(0)
    with device:
        made = AutoModelForCausalLM.from_config(shaped(shape), dtype=dtype, attn_implementation="sdpa")
    model: PreTrainedModel = made
    model.eval().requires_grad_(False)
    return model


@contextmanager
def noted() -> Iterator[list[Callable[[], object]]]:
    """The matrix products and attention calls made while inside, to be made again; one input is kept for each shape."""
    calls: list[Callable[[], object]] = []
    inputs: dict[Any, tuple[Any, ...]] = {}
    linear: Any = functional.linear
    attention: Any = functional.scaled_dot_product_attention

    def a_product(states: torch.Tensor, *weights: Any, **named: Any) -> torch.Tensor:
        (kept,) = inputs.setdefault(states.shape, (states,))
        calls.append(lambda: functional.linear(kept, *weights, **named))  # by the library that is taken then
        product: torch.Tensor = linear(states, *weights, **named)
        return product

    def an_attention(*states: torch.Tensor, **named: Any) -> torch.Tensor:
        kept = inputs.setdefault(tuple(one.shape for one in states), states)
        calls.append(partial(attention, *kept, **named))
        attended: torch.Tensor = attention(*states, **named)
        return attended

    with (
        patch.object(functional, "linear", a_product),
        patch.object(functional, "scaled_dot_product_attention", an_attention),
        patch.object(products, "chosen", lambda: False),
    ):
        yield calls


def evaluation(model: PreTrainedModel, way: str, repeats: int) -> list[tuple[float, float]]:
    """Seconds of the ceiling and of one window, a pair a repeat.

    Args:
        way: `dense`, or `pruned`: with the divergence from the dense model.
    """
    tokens = torch.randint(model.config.vocab_size, (1, CONTEXT), generator=torch.Generator().manual_seed(0))
    head = model.get_output_embeddings()
    same = head.weight.dtype == torch.float32  # then the dense head need not run beside the other's
    states = DenseStates(head.weight if same else None)
    token_losses(model, tokens, 1, observe=states)

    def work() -> None:
        token_losses(model, tokens, 1, observe=Divergence(states, head, same) if way == "pruned" else DenseStates())

    with noted() as calls:
        work()

    @retained_malloc()
    @fast_products()
    @torch.inference_mode()
    def ceiling() -> None:
        for call in calls:
            call()

    ceiling()
    return [(seconds_of(ceiling, model.device), seconds_of(work, model.device)) for _ in range(repeats)]


def decoding(model: Any, repeats: int) -> tuple[dict[str, list[float]], float, str]:
    """Tokens a second of each way to write NEW_TOKENS at batch 1; the most that reading the weights allows; and why no
    step was captured.

    Of `generate` the whole is timed, the prompt of 8 tokens among it.
    """
    prompt, device = torch.arange(8, device=model.device)[None], model.device
    count = {"max_new_tokens": NEW_TOKENS, "min_new_tokens": NEW_TOKENS, "do_sample": False}
    ways: dict[str, Callable[[], float]] = {
        "generate": lambda: NEW_TOKENS / seconds_of(lambda: model.generate(prompt, **count), device),
        "plain loop": lambda: (NEW_TOKENS - 1) / greedy(model, prompt)[2],
    }
    why_not = "" if captures(model) else "on a processor nothing is captured"
    try:
        decoder = Decoder(model, prompt, NEW_TOKENS)
        ways["cache of fixed size"] = lambda: (NEW_TOKENS - 1) / decoder.run()[2]
    except (ExperimentError, RuntimeError) as error:
        why_not = str(error)
    for way in ways.values():
        way()
    rounds = [[way() for way in ways.values()] for _ in range(repeats)]
    read = step_bytes(Anatomy(model.config.to_dict()), str(model.dtype).removeprefix("torch."))
    speeds = {name: list(found) for name, found in zip(ways, zip(*rounds, strict=True), strict=True)}
    return speeds, copy_bandwidth(device, repeats).rate / read, why_not


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="0.4B")
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    parser.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    made = figures("evaluate", rows(asked.shape, asked.device, asked.dtypes, asked.repeats), torch.get_num_threads())
    if asked.json:
        made.write(asked.json)


def rows(shape: str, device: torch.device, dtypes: Sequence[str], repeats: int) -> Iterator[Row]:
    """Every figure, printed as soon as it is there."""
    threads = f"{torch.get_num_threads()} threads, torch {torch.__version__}"
    place = "GPU" if device.type == "cuda" else "processor"
    print(f"{this_machine().hardware}, {threads}: {shape}, one window of {CONTEXT} tokens, median of {repeats}")
    for dtype in dtypes:
        here = getattr(torch, dtype) in native_dtypes(device)
        model = built(shape, getattr(torch, dtype), device) if here else None
        target = at_least(0.75 if device.type == "cuda" else 0.85)
        for way in ("dense", "pruned"):
            pairs = evaluation(model, way, repeats) if model else []
            what = f"{shape}, {dtype}, {place}, {way}, of its own products' time"
            shares = [least / taken for least, taken in pairs]
            note = f"{median(taken for _, taken in pairs):.3g} s" if pairs else "not in this device's own arithmetic"
            yield told(row("evaluate", what, shares, "share", target=target, note=note))
        speeds, limit, why_not = decoding(model, repeats) if model else ({}, 0.0, "")
        for name, found in speeds.items():
            note = why_not if name == "cache of fixed size" else ""
            yield told(row("generate", f"{shape}, {dtype}, {place}, {name}", found, "tokens/s", note=note))
        if model:
            yield told(row("generate", f"{shape}, {dtype}, {place}, reading the weights", [limit], "tokens/s"))


if __name__ == "__main__":
    main()
