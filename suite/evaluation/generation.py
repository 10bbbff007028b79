"""Generation: how fast the model writes (rule 17), one prompt alone. Greedy, a fixed number of new tokens."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from suite.errors import ExperimentError, sentence
from suite.evaluation.decoding import Decoder, captures
from suite.evaluation.retained_malloc import retained_malloc
from suite.evaluation.telemetry import Reading, watch
from suite.evaluation.writing import Written
from suite.protocol import NEW_TOKENS, SAMPLES_KEPT, TIMING_REPEATS, TIMING_WARM_UPS
from suite.records.schema import Captured, Generation, Speed, Telemetry


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
    """The seconds of repeats that continued one prompt, batch 1: of prefill and of decoding, a pair a repeat; and the
    tokens that the last of them wrote."""

    def __init__(self, length: int, new_tokens: int) -> None:
        self.length = length
        self.new_tokens = new_tokens
        self.seconds: list[tuple[float, float]] = []
        self.blocks = 0
        self.new_ids: list[int] = []

    def block(self, run: Callable[[], tuple[Tensor, float, float]]) -> None:
        """Time TIMING_REPEATS more, after TIMING_WARM_UPS that are not timed."""
        for _ in range(TIMING_WARM_UPS):
            run()
        for _ in range(TIMING_REPEATS):
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

    @retained_malloc()
    def block(self) -> None:
        """Time TIMING_REPEATS more of each way."""
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
    def board(self) -> Telemetry | None:
        """What the GPU's instruments said of the plain loop; the warm-ups used energy as well."""
        runs = self._plain.blocks * (TIMING_WARM_UPS + TIMING_REPEATS)
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
