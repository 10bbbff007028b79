"""One model in memory, and the measurements of its experiments."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from suite.data.catalogue import GrammarText
from suite.data.windows import Windows
from suite.errors import ExperimentError
from suite.evaluation import coherence, generation, memory
from suite.evaluation.blocks import HeadInBlocks
from suite.evaluation.coherence import Writing
from suite.evaluation.divergence import DenseStates, Divergence
from suite.evaluation.gate import dense_gate
from suite.evaluation.generation import Timing
from suite.evaluation.perplexity import NotFiniteError, Observer, perplexity, token_losses
from suite.evaluation.prefix import DensePrefix
from suite.evaluation.sequential import sequential_test
from suite.evaluation.size import stored_size
from suite.evaluation.writing import Written, held_against_alone, write
from suite.machine import pick_dtype, this_machine
from suite.models.float8 import RoundedTensors
from suite.models.loading import LoadedModel, Tensors, load_model
from suite.models.logits import Body
from suite.models.source import ModelSource
from suite.models.unchanged import first_needed, keeps_head, unchanged_blocks
from suite.protocol import SAME_BASELINE, TOKENS_A_BATCH
from suite.pruning.masks import Bits
from suite.records.experiment import Experiment, Sequential
from suite.records.schema import Memory, Perplexity, Protocol, Record, SequentialTest, Size
from suite.runner.kernels import on_kernels
from suite.runner.section import Section
from suite.runner.transforms import FLOAT8, TextIds, transform

Progress = Callable[[str, int, int], None]  # of what, how many are done, how many there are


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the dense model gave, for the others to be held against."""

    perplexity: Perplexity | None
    states: DenseStates | None
    writing: Writing | None


class Session:
    """A model loaded for its experiments. `baseline` must be set before a pruned experiment is measured."""

    def __init__(
        self,
        source: ModelSource,
        windows: Windows,
        text_ids: TextIds,
        scratch: Path,
        progress: Progress,
        coming: Collection[Experiment] = (),
    ) -> None:
        """Load the model.

        Args:
            scratch: the folder for files of a moment.
            coming: the pruned experiments, in running order, as far as they are known.
        """
        self.source = source
        self.windows = windows
        self.text_ids = text_ids
        self.scratch = scratch
        self.progress = progress
        self.baseline: Baseline | None = None
        self._prefix, self._first_needed = DensePrefix(), first_needed(source.anatomy, coming)
        self._heads_kept = any(keeps_head(source.anatomy, one) for one in coming)
        capability = min((gpu.capability for gpu in this_machine().gpus), default=None)
        on_gpu = capability if torch.cuda.is_available() else None
        self.loaded: LoadedModel = load_model(source, *pick_dtype(source.dtype, on_gpu, source.stored_dtype))

    def close(self) -> None:
        self.loaded.close()

    def dense(self, experiment: Experiment) -> Iterator[Section]:
        """Measure the dense model and make it the baseline; in float32 where it is not finite in float16.

        Raises:
            GateError: it is not the published model; there is no baseline then.
        """
        try:
            quality, states = self._dense_perplexity() if "perplexity" in experiment.measure else (None, None)
        except NotFiniteError:
            if self.source.dtype != "auto" or self.loaded.dtype != torch.float16:
                raise
            self.loaded.close()
            self.loaded = load_model(self.source, "float32", "the dense model is not finite in float16")
            self._prefix = DensePrefix()
            quality, states = self._dense_perplexity()
        if quality is not None:
            yield "perplexity", quality
            dense_gate(quality, self.source.published, self.windows)
        written, timing = yield from self._rest(experiment, {})
        if timing:
            yield "generation", generation.section(timing, None, written)
        writing = None
        if "coherence" in experiment.measure:
            writing = self._writing(written)
            yield "coherence", coherence.compare(writing, writing)
        self.baseline = Baseline(quality, states, writing)

    def remember(self, record: Record) -> bool:
        """Take the baseline from a dense record that this very set-up made earlier; says whether that could be done.

        The model is evaluated again, for its hidden states: the record counts only if it comes out the same.
        """
        quality, states = record.perplexity, None
        if quality is not None:
            again, states = self._dense_perplexity()
            same = math.isclose(again.value, quality.value, rel_tol=SAME_BASELINE)
            if again.protocol != quality.protocol or not same:
                return False
        elif record.environment.device_map != self.loaded.device_map:
            return False
        writing = None
        if (wrote := record.coherence) is not None:
            writing = Writing(
                wrote.repeated_4grams, wrote.distinct_2, wrote.judge_perplexity, wrote.faults, wrote.samples
            )
        self.baseline = Baseline(quality, states, writing)
        return True

    def altered(self, experiment: Experiment) -> Iterator[Section]:
        """Prune and whatever else is asked, measure, restore, and let the dense model judge what the other wrote."""
        if self.baseline is None:
            raise ExperimentError("the dense baseline of this model failed, so there is nothing to compare with")
        beside = self._timing(experiment) if "generation" in experiment.measure else None
        if beside:
            beside.block()
        with ExitStack() as stack:
            masks = yield from self.transform(stack, experiment)
            if "perplexity" in experiment.measure:
                yield "perplexity", self._altered_perplexity(experiment, self.baseline)
            if experiment.sequential is not None:
                yield "sequential", self._sequential_test(experiment.sequential, self.baseline)
            written, timing = yield from self._rest(experiment, masks)
            if experiment.pattern == "2:4":
                wanted = experiment.measure
                yield (
                    "semi_structured",
                    on_kernels(self.loaded, masks, wanted, self.quick_perplexity, lambda: self._timing(experiment)),
                )
        if beside and timing:
            beside.block()
            yield "generation", generation.section(timing, beside, written)
        if "coherence" in experiment.measure and self.baseline.writing is not None:
            yield "coherence", coherence.compare(self._writing(written), self.baseline.writing)

    def transform(self, stack: ExitStack, experiment: Experiment) -> Generator[Section, None, dict[str, Bits]]:
        """Do to the model what the experiment asks for; leaving `stack` undoes it. See `suite.runner.transforms`."""
        return (
            yield from transform(stack, self.loaded, experiment, self.text_ids, self.quick_perplexity, self.progress)
        )

    def quick_perplexity(self) -> float:
        """The perplexity of the model as it is, and nothing beside it."""
        losses = token_losses(self.loaded.model, self.windows.tokens, self._batch_size)
        return math.exp(float(losses.mean()))

    def _rest(
        self, experiment: Experiment, masks: dict[str, Bits]
    ) -> Generator[Section, None, tuple[list[Written], Timing | None]]:
        """What is measured beside the perplexity, right after it; returns what the model wrote, and how fast."""
        wanted, model = set(experiment.measure), self.loaded.model
        evaluating = memory.peaks(model.device) if "perplexity" in wanted else None
        timing = self._timing(experiment) if "generation" in wanted else None
        written: list[Written] = []
        generating = None
        if experiment.writes:
            memory.reset_peaks()
            if timing:
                timing.block()
            asked = experiment.generation
            written = write(model, self.loaded.tokenizer, self._prompts(asked.prompts), asked.tokens)
            if timing:
                written = held_against_alone(model, written, timing.new_ids)
            generating = memory.peaks(model.device)
        if "memory" in wanted:
            yield (
                "memory",
                Memory(weights_bytes=memory.weights_bytes(model), evaluation=evaluating, generation=generating),
            )
        if "size" in wanted:
            yield "size", self._size(experiment, masks)
        if timing:
            timing.block()
        return written, timing

    def _size(self, experiment: Experiment, masks: dict[str, Bits]) -> Size:
        """Of what remains of the model, rounded where it is; `dense_bytes` are those of the checkpoint.

        A tied head that got a private copy to be pruned is stored, and no part of the dense model.
        """
        loaded = self.loaded
        stored: Tensors = loaded.stored
        names = {parameter.name for parameter in loaded.anatomy.parameters} | set(masks)
        if experiment.precision in FLOAT8:
            stored = rounded = RoundedTensors(loaded)
            names |= rounded.names
        size = stored_size(names, stored, masks, self.scratch)
        dense = sum(loaded.checkpoint(parameter.name).nbytes for parameter in self.source.anatomy.parameters)
        return size.model_copy(update={"dense_bytes": dense})

    def _timing(self, experiment: Experiment) -> Timing:
        prompt = self.loaded.tokenizer(self._prompts(1)[0])["input_ids"]
        return Timing(self.loaded.model, prompt, experiment.generation.tokens)

    def _dense_perplexity(self) -> tuple[Perplexity, DenseStates]:
        head = self.loaded.head.weight.detach()
        linear = HeadInBlocks.of(self.loaded.model).plain and head.dtype == torch.float32
        states = DenseStates(head if self._heads_kept and linear else None)
        with self._body(self._first_needed) as body:
            losses = self._losses(states, body)
        return perplexity(losses, self.windows, self._protocol(), self.source.anatomy.vocabulary), states

    def _altered_perplexity(self, experiment: Experiment, baseline: Baseline) -> Perplexity:
        if baseline.perplexity is None or baseline.states is None:
            raise ExperimentError("the dense baseline has no perplexity to compare with")
        head = self.loaded.pristine_head()
        logits = HeadInBlocks.of(self.loaded.model, head)
        divergence = Divergence(baseline.states, logits, same_head=head is self.loaded.head)
        with self._body(unchanged_blocks(self.source.anatomy, experiment)) as body:
            losses = self._losses(divergence, body)
        return perplexity(
            losses,
            self.windows,
            self._protocol(),
            self.source.anatomy.vocabulary,
            baseline.perplexity,
            divergence.result(),
        )

    def _sequential_test(self, asked: Sequential, baseline: Baseline) -> SequentialTest:
        if baseline.perplexity is None:
            raise ExperimentError("the dense baseline has no perplexity to compare with")
        memory.reset_peaks()
        model, progress = self.loaded.model, partial(self.progress, "window")

        def losses(chosen: Tensor) -> NDArray[np.float64]:
            found = token_losses(model, self.windows.tokens[chosen], self._batch_size)
            return np.asarray(found.mean(axis=1))

        dense = baseline.perplexity.nll_per_window
        return sequential_test(asked, losses, dense, self._batch_size, self._protocol(), progress)

    def _body(self, unchanged: int) -> AbstractContextManager[Body]:
        return self._prefix.body(self.loaded.model, self.loaded.blocks, unchanged)

    def _losses(self, observe: Observer, body: Body | None = None) -> NDArray[np.float64]:
        memory.reset_peaks()
        tokens = self.windows.tokens
        return token_losses(
            self.loaded.model,
            tokens,
            self._batch_size,
            lambda done: self.progress("window", done, len(tokens)),
            observe,
            body,
        )

    @property
    def _batch_size(self) -> int:
        return max(1, TOKENS_A_BATCH // self.windows.tokens.shape[1])

    def _protocol(self) -> Protocol:
        windows, text = self.windows, self.windows.source
        count, context = windows.tokens.shape
        return Protocol(
            name="non-overlapping windows, tail dropped, mean over predicted tokens",
            text=f"{text.name} at {text.revision}",
            text_sha256=windows.text_sha256,
            text_bytes=windows.text_bytes,
            join=text.join,
            tokenizer_sha256=windows.tokenizer_sha256,
            bos=windows.bos,
            context=context,
            stride=windows.stride,
            windows=count,
            batch_size=self._batch_size,
            attention=self.loaded.model.config._attn_implementation,
            dtype=self.loaded.dtype_name,
            stored_dtype=self.source.stored_dtype,
            text_windows=windows.text_windows if count < windows.text_windows else None,
            softmax="float64",
        )

    def _prompts(self, count: int) -> list[str]:
        if self._told is None:
            return list(coherence.PROMPTS[:count])
        return coherence.prompts_of(self._told.write(), count)

    def _writing(self, written: list[Written]) -> Writing:
        return coherence.measure_writing(written, self.loaded.model, self._told)

    @property
    def _told(self) -> GrammarText | None:
        """The text that prompts begin like and samples are held against, where the model's tokens are its words."""
        return None if self.windows.labels is None else self.windows.source.grammar_text
