"""Generation: what the model writes, and how fast (rule 17). Greedy, a fixed number of new tokens.

Speed is measured on one prompt alone; all prompts are continued in a batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from suite.errors import ExperimentError, sentence
from suite.evaluation.board import Reading, watch
from suite.evaluation.decoding import Decoder, captures
from suite.records.experiment import Continuation
from suite.records.schema import Board, Captured, Generation, Sample, Speed

NEW_TOKENS = Continuation().tokens
REPEATS = 5
SAMPLES_KEPT = 4  # of those written, in the record; the verdict rests on all
ALONE = 4  # prompts that are continued alone as well, where the dtype rounds so much that a batch may write otherwise
CACHE_BYTES = 2**30  # of keys and values in a batch: 32 prompts and 50 tokens take less of any model of 7B


@dataclass(frozen=True, slots=True)
class Written:
    """A prompt's continuation: token ids of both, and the text of both; `alone_ids` are the new tokens where the
    prompt was also continued without the others, else None."""

    prompt_ids: list[int]
    new_ids: list[int]
    sample: Sample
    alone_ids: list[int] | None = None


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


@torch.inference_mode()
def continued(model: PreTrainedModel, prompts: Sequence[Sequence[int]], new_tokens: int) -> list[list[int]]:
    """Continue prompts of any lengths greedily as one batch, each by `new_tokens`, the end token or not.

    The batch begins as long as the shortest prompt. From there every row goes on a token at a step: its prompt's next
    while there is one, then the model's choice. So nothing is padded, and no row sees a mask or positions other than
    alone; for a step more for each token by which the longest prompt is longer.

    Args:
        prompts: token ids, one or more a prompt.

    Returns:
        The new tokens of each prompt.
    """
    lengths = [len(prompt) for prompt in prompts]
    shortest, end = min(lengths), max(lengths) + new_tokens
    text = torch.full((len(prompts), end), -1)  # -1 where the model chooses
    for row, prompt in zip(text, prompts, strict=True):
        row[: len(prompt)] = torch.tensor(prompt)
    text = text.to(model.device)
    step = model(text[:, :shortest], use_cache=True, logits_to_keep=1)
    text = text.to(step.logits.device)  # a model that is spread may have its head elsewhere
    for place in range(shortest, end):
        chosen = step.logits[:, -1].argmax(-1)
        text[:, place] = torch.where(text[:, place] < 0, chosen, text[:, place])
        if place + 1 < end:
            token = text[:, place : place + 1]
            step = model(token, past_key_values=step.past_key_values, use_cache=True, logits_to_keep=1)
    rows = text.tolist()
    return [row[length : length + new_tokens] for row, length in zip(rows, lengths, strict=True)]


def _synchronise(model: PreTrainedModel) -> None:
    if model.device.type == "cuda":
        for index in range(torch.cuda.device_count()):
            torch.cuda.synchronize(index)


class Runs:
    """The seconds of repeats that continued one prompt, batch 1: of prefill and of decoding, a pair a repeat; and the
    tokens that the last of them wrote."""

    def __init__(self, length: int, new_tokens: int) -> None:
        self.length = length
        self.new_tokens = new_tokens
        self.seconds: list[tuple[float, float]] = []
        self.blocks = 0
        self.new_ids: list[int] = []

    def block(self, run: Callable[[], tuple[Tensor, float, float]]) -> None:
        """Time REPEATS more, after one to warm up."""
        run()
        for _ in range(REPEATS):
            tokens, *seconds = run()
            self.seconds.append((seconds[0], seconds[1]))
        self.new_ids = tokens[0].tolist()
        self.blocks += 1

    @property
    def prefill(self) -> Speed:
        return self._summary([self.length / seconds for seconds, _ in self.seconds])

    @property
    def decode(self) -> Speed:
        return self._summary([(self.new_tokens - 1) / seconds for _, seconds in self.seconds])

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

    def __init__(self, model: PreTrainedModel, prompt: Sequence[int], new_tokens: int = NEW_TOKENS) -> None:
        self.model = model
        self.new_tokens = new_tokens
        self._ids = torch.tensor([prompt])
        self._reading = Reading()
        self._plain, self._graphs = Runs(len(prompt), new_tokens), Runs(len(prompt), new_tokens)
        self._why_not: str | None = None

    def block(self) -> None:
        """Time REPEATS more of each way."""
        with watch(sorted({parameter.device for parameter in self.model.parameters()}, key=str), self._reading):
            self._plain.block(lambda: greedy(self.model, self._ids, self.new_tokens))
        if captures(self.model) and self._why_not is None:
            try:  # anew in each block: weights may have got other memory since
                self._graphs.block(Decoder(self.model, self._ids, self.new_tokens).run)
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
    def new_ids(self) -> list[int]:
        """The tokens that the plain loop wrote last."""
        return self._plain.new_ids

    @property
    def board(self) -> Board | None:
        """What the GPU's instruments said of the plain loop; the warm-ups used energy as well."""
        runs = self._plain.blocks * (REPEATS + 1)
        return self._reading.board(runs * (self._plain.length + self.new_tokens))

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
    alone = [sample for sample in written if sample.alone_ids is not None]
    return Generation(
        prefill_tokens_per_s=timing.prefill,
        decode_tokens_per_s=timing.decode,
        dense_decode_tokens_per_s=beside.decode if beside else None,
        captured=timing.captured(beside),
        gpu_telemetry=timing.board,
        prompts=len(written),
        new_tokens=timing.new_tokens,
        also_alone=len(alone),
        differing=sum(sample.alone_ids != sample.new_ids for sample in alone),
        samples=tuple(sample.sample for sample in written[:SAMPLES_KEPT]),
    )


def write(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    new_tokens: int = NEW_TOKENS,
) -> list[Written]:
    """Continue every prompt: all in one batch, or in several where the keys and values of all would be too large."""
    encoded = [tokenizer(prompt)["input_ids"] for prompt in prompts]
    order = sorted(range(len(encoded)), key=lambda index: len(encoded[index]))  # so that a batch is of like lengths
    rows = _rows_at_once(model, len(encoded[order[-1]]) + new_tokens)
    new: dict[int, list[int]] = {}
    for start in range(0, len(order), rows):
        batch = order[start : start + rows]
        new.update(zip(batch, continued(model, [encoded[index] for index in batch], new_tokens), strict=True))
    return [
        Written(encoded[index], new[index], Sample(prompt=prompt, text=_text(tokenizer, encoded[index], new[index])))
        for index, prompt in enumerate(prompts)
    ]


def _rows_at_once(model: PreTrainedModel, places: int) -> int:
    """How many prompts a batch may have, each with the keys and values of so many places."""
    config = model.config
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    row: int = 2 * config.num_hidden_layers * heads * width * places * model.dtype.itemsize
    return max(1, CACHE_BYTES // row)


def held_against_alone(model: PreTrainedModel, written: Sequence[Written], timed: list[int]) -> list[Written]:
    """What was written, some of it with the tokens that the model writes without the other prompts.

    Products of a batch round otherwise than those of a row, which seldom decides a token in float32. So there only the
    first prompt is compared, which ran alone to be timed; in narrower dtypes ALONE prompts from the shortest to the
    longest are, the first among them.

    Args:
        timed: the tokens that continued the first prompt alone.
    """
    found = list(written)
    found[0] = replace(found[0], alone_ids=timed)
    if model.dtype == torch.float32:
        return found
    others = sorted(range(1, len(found)), key=lambda index: len(found[index].prompt_ids))
    more = min(ALONE - 1, len(others))
    for index in {others[round(i * (len(others) - 1) / max(more - 1, 1))] for i in range(more)}:
        one = found[index]
        (alone,) = continued(model, [one.prompt_ids], len(one.new_ids))
        found[index] = replace(one, alone_ids=alone)
    return found


def _text(tokenizer: PreTrainedTokenizerBase, prompt: list[int], new: list[int]) -> str:
    """The text the new tokens add (decoded with the prompt, so that spaces between the two are kept)."""
    before, whole, alone = (str(tokenizer.decode(ids, skip_special_tokens=True)) for ids in (prompt, prompt + new, new))
    return whole[len(before) :] if whole.startswith(before) else alone
