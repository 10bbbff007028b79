"""Generation: what the model writes, and how fast (rule 17). Greedy, a fixed number of new tokens."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from suite.errors import ExperimentError, sentence
from suite.evaluation.board import Reading, watch
from suite.evaluation.decoding import Decoder, captures
from suite.evaluation.pages import kept_pages
from suite.records.schema import Board, Captured, Generation, Sample, Speed

NEW_TOKENS = 50
REPEATS = 5
SAMPLES_KEPT = 4  # of the 32 written, in the record; the verdict rests on all


@dataclass(frozen=True, slots=True)
class Written:
    """A prompt's continuation: token ids of both, and the text of both."""

    prompt_ids: list[int]
    new_ids: list[int]
    sample: Sample


@torch.inference_mode()
def greedy(model: PreTrainedModel, prompts: Tensor, new_tokens: int = NEW_TOKENS) -> tuple[Tensor, float, float]:
    """Continue prompts of one length greedily, the end token or not, with a key-value cache.

    Args:
        prompts: int64 [batch, length].

    Returns:
        The new tokens, int64 [batch, new_tokens] on the CPU; seconds of prefill (to the first new token); seconds of
        decoding the others.
    """
    inputs = prompts.to(model.device)
    _synchronise(model)
    started = time.perf_counter()
    step = model(inputs, use_cache=True, logits_to_keep=1)
    token = step.logits[:, -1].argmax(-1, keepdim=True)
    _synchronise(model)
    prefilled = time.perf_counter()
    tokens = [token]
    for _ in range(new_tokens - 1):
        step = model(token, past_key_values=step.past_key_values, use_cache=True, logits_to_keep=1)
        token = step.logits[:, -1].argmax(-1, keepdim=True)
        tokens.append(token)
    _synchronise(model)
    finished = time.perf_counter()
    return torch.cat(tokens, dim=1).cpu(), prefilled - started, finished - prefilled


def _synchronise(model: PreTrainedModel) -> None:
    if model.device.type == "cuda":
        for index in range(torch.cuda.device_count()):
            torch.cuda.synchronize(index)


class Runs:
    """The seconds of repeats that continued one prompt, batch 1: of prefill and of decoding, a pair a repeat."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.seconds: list[tuple[float, float]] = []
        self.blocks = 0

    def block(self, run: Callable[[], tuple[Tensor, float, float]]) -> None:
        """Time REPEATS more, after one to warm up."""
        run()
        self.seconds += [run()[1:] for _ in range(REPEATS)]
        self.blocks += 1

    @property
    def prefill(self) -> Speed:
        return self._summary([self.length / seconds for seconds, _ in self.seconds])

    @property
    def decode(self) -> Speed:
        return self._summary([(NEW_TOKENS - 1) / seconds for _, seconds in self.seconds])

    def _summary(self, values: Sequence[float]) -> Speed:
        low, median, high, p99 = map(float, np.percentile(values, [25, 50, 75, 99]))
        return Speed(
            median=median,
            quartiles=(low, high),
            p99=p99,
            repeats=len(values),
            values=tuple(values),
            blocks=self.blocks,
        )


class Timing:
    """The speed of one prompt: blocks of repeats that lie apart in time, on a GPU by a plain loop and captured.

    What disturbs a machine for a second falls into one block; how far the blocks lie apart says how much that was.
    """

    def __init__(self, model: PreTrainedModel, prompt: Sequence[int]) -> None:
        self.model = model
        self._ids = torch.tensor([prompt])
        self._reading = Reading()
        self._plain, self._graphs = Runs(len(prompt)), Runs(len(prompt))
        self._why_not: str | None = None

    @kept_pages()
    def block(self) -> None:
        """Time REPEATS more of each way."""
        with watch(sorted({parameter.device for parameter in self.model.parameters()}, key=str), self._reading):
            self._plain.block(lambda: greedy(self.model, self._ids))
        if captures(self.model) and self._why_not is None:
            try:  # anew in each block: weights may have got other memory since
                self._graphs.block(Decoder(self.model, self._ids, NEW_TOKENS).run)
            except torch.OutOfMemoryError:
                raise
            except (ExperimentError, RuntimeError, NotImplementedError) as error:
                self._why_not = sentence(str(error), 500)

    @property
    def prefill(self) -> Speed:
        return self._plain.prefill

    @property
    def decode(self) -> Speed:
        return self._plain.decode

    @property
    def board(self) -> Board | None:
        """What the GPU's instruments said of the plain loop; the warm-ups used energy as well."""
        runs = self._plain.blocks * (REPEATS + 1)
        return self._reading.board(runs * (self._plain.length + NEW_TOKENS))

    def captured(self, beside: Timing | None = None) -> Captured | None:
        """The speeds of the captured way, or why there are none; None where the model is on no GPU."""
        if not captures(self.model):
            return None
        if self._why_not is not None:
            return Captured(why_not=self._why_not)
        return Captured(
            prefill_tokens_per_s=self._graphs.prefill,
            decode_tokens_per_s=self._graphs.decode,
            dense_decode_tokens_per_s=beside._graphs.decode if beside and beside._why_not is None else None,
        )


def section(timing: Timing, beside: Timing | None, written: Sequence[Written]) -> Generation:
    """The record's section: speeds, the dense model's `beside` them, and the first samples of what was written."""
    return Generation(
        prefill_tokens_per_s=timing.prefill,
        decode_tokens_per_s=timing.decode,
        dense_decode_tokens_per_s=beside.decode if beside else None,
        captured=timing.captured(beside),
        gpu_telemetry=timing.board,
        prompts=len(written),
        new_tokens=NEW_TOKENS,
        samples=tuple(sample.sample for sample in written[:SAMPLES_KEPT]),
    )


@kept_pages()
def write(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str]) -> list[Written]:
    """Continue every prompt by NEW_TOKENS tokens. Prompts of one length run together, so that none needs padding."""
    encoded = [tokenizer(prompt)["input_ids"] for prompt in prompts]
    by_length: dict[int, list[int]] = defaultdict(list)
    for index, ids in enumerate(encoded):
        by_length[len(ids)].append(index)
    new: dict[int, list[int]] = {}
    for indices in by_length.values():
        tokens, _, _ = greedy(model, torch.tensor([encoded[index] for index in indices]))
        new.update(zip(indices, tokens.tolist(), strict=True))
    return [
        Written(encoded[index], new[index], Sample(prompt=prompt, text=_text(tokenizer, encoded[index], new[index])))
        for index, prompt in enumerate(prompts)
    ]


def _text(tokenizer: PreTrainedTokenizerBase, prompt: list[int], new: list[int]) -> str:
    """The text the new tokens add (decoded with the prompt, so that spaces between the two are kept)."""
    before, whole, alone = (str(tokenizer.decode(ids, skip_special_tokens=True)) for ids in (prompt, prompt + new, new))
    return whole[len(before) :] if whole.startswith(before) else alone
