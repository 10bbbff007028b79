"""Benchmark: the 32 prompts that ship, each continued by 50 tokens: one by one, by equal lengths, and in one batch.

The three ways take turns, and must write the same tokens. Then what else an experiment that measures generation and
coherence does: a block of its timing (a pruned one has four, two of them the dense model's), and judging what was
written. Float32.

python ci/bench/generation.py [--model smollm2-135m-instruct] [--repeats 2] [--json FILE]    a model of the catalogue
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from transformers import PreTrainedModel

from suite.bench.figures import Row, at_least, figures, row, told
from suite.evaluation.coherence import PROMPTS, judged
from suite.evaluation.generation import Timing, greedy
from suite.evaluation.writing import continued, write
from suite.machine import this_machine
from suite.models.loading import load_model
from suite.models.source import from_catalogue
from suite.protocol import NEW_TOKENS

BLOCKS = 4  # of the timing, in a pruned experiment
TARGET = at_least(4)  # times faster than one by one
Texts = list[list[int]]
Found = TypeVar("Found")


def one_by_one(model: PreTrainedModel, prompts: Texts) -> Texts:
    return [greedy(model, torch.tensor([prompt]))[0][0].tolist() for prompt in prompts]


def by_equal_lengths(model: PreTrainedModel, prompts: Texts) -> Texts:
    """As it was done before: prompts of one length together."""
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for index, prompt in enumerate(prompts):
        groups[len(prompt)].append(index)
    new: dict[int, list[int]] = {}
    for indices in groups.values():
        tokens, _, _ = greedy(model, torch.tensor([prompts[index] for index in indices]))
        new.update(zip(indices, tokens.tolist(), strict=True))
    return [new[index] for index in range(len(prompts))]


def one_batch(model: PreTrainedModel, prompts: Texts) -> Texts:
    return continued(model, prompts, NEW_TOKENS)


WAYS: dict[str, Callable[[PreTrainedModel, Texts], Texts]] = {
    "one by one": one_by_one,
    "by equal lengths": by_equal_lengths,
    "one batch": one_batch,
}


def rows(name: str, repeats: int) -> Iterator[Row]:
    """Every figure, printed as soon as it is there.

    Raises:
        SystemExit: two ways write different tokens.
    """
    threads = f"{torch.get_num_threads()} threads, torch {torch.__version__}"
    print(f"{this_machine().hardware}, {threads}: {name}, {len(PROMPTS)} prompts, {NEW_TOKENS} tokens each, float32")
    loaded = load_model(from_catalogue(name), "float32", "a benchmark")
    model, where = loaded.model, f"{len(PROMPTS)} prompts by {NEW_TOKENS} tokens, {name}, float32"
    prompts = [loaded.tokenizer(prompt)["input_ids"] for prompt in PROMPTS]
    one_batch(model, prompts)  # to warm up
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(repeats):
        texts = [timed(seconds[way], partial(do, model, prompts)) for way, do in WAYS.items()]
        if any(text != texts[0] for text in texts):
            raise SystemExit("the ways do not write the same tokens")
    for way, taken in seconds.items():
        yield told(row("generate", f"{where}, {way}", taken, "s"))
    for way in ("by equal lengths", "one batch"):
        times = [one / other for one, other in zip(seconds["one by one"], seconds[way], strict=True)]
        target = TARGET if way == "one batch" else None
        yield told(
            row("generate", f"{where}, {way} beside one by one", times, "times", target=target, note="same tokens")
        )
    written = write(model, loaded.tokenizer, PROMPTS)
    timing, block, judging = Timing(model, prompts[0]), list[float](), list[float]()
    for _ in range(repeats):
        timed(block, timing.block)
        timed(judging, partial(judged, written, model))
    note = f"a pruned experiment has {BLOCKS}, half of them the dense model's"
    yield told(row("generate", f"{where}, a block of the timing", block, "s", note=note))
    yield told(row("generate", f"{where}, judging", judging, "s"))


def timed(seconds: list[float], work: Callable[[], Found]) -> Found:
    """What the work gives; its seconds are appended."""
    started = time.perf_counter()
    found = work()
    seconds.append(time.perf_counter() - started)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    made = figures("generation", rows(asked.model, asked.repeats), torch.get_num_threads())
    if asked.json:
        made.write(asked.json)


if __name__ == "__main__":
    main()
