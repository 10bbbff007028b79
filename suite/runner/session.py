"""One model in memory, and the measurements of its experiments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from suite.data.source import stories
from suite.data.windows import Windows
from suite.errors import ExperimentError
from suite.evaluation import coherence, generation, memory
from suite.evaluation.coherence import Writing
from suite.evaluation.generation import Written
from suite.evaluation.perplexity import NotFiniteError, perplexity, token_losses
from suite.machine import pick_dtype, this_machine
from suite.models.loading import LoadedModel, load_model
from suite.models.pruned import pruned
from suite.models.source import ModelSource
from suite.records.schema import Experiment, Generation, Perplexity, Protocol, Record

TOKENS_A_BATCH = 2048
SAMPLES_KEPT = 4  # of the 32 written, in the record; the verdict rests on all

Progress = Callable[[int, int], None]  # windows done, windows in all
Sections = dict[str, Any]  # the record's measured sections by name


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the dense model gave, for the others to be held against."""

    perplexity: Perplexity | None
    writing: Writing | None


class Session:
    """A model loaded for its experiments. `baseline` must be set before a pruned experiment is measured."""

    def __init__(self, source: ModelSource, windows: Windows, progress: Progress) -> None:
        self.source = source
        self.windows = windows
        self.progress = progress
        self.baseline: Baseline | None = None
        capability = min((gpu.capability for gpu in this_machine().gpus), default=None)
        on_gpu = capability if torch.cuda.is_available() else None
        self.loaded: LoadedModel = load_model(source, *pick_dtype(source.dtype, on_gpu, source.stored_dtype))

    def close(self) -> None:
        self.loaded.close()

    def dense(self, experiment: Experiment) -> Sections:
        """Measure the dense model and make it the baseline; in float32 where it is not finite in float16."""
        try:
            sections = self._dense(experiment)
        except NotFiniteError:
            if self.source.dtype != "auto" or self.loaded.dtype != torch.float16:
                raise
            self.loaded.close()
            self.loaded = load_model(self.source, "float32", "the dense model is not finite in float16")
            sections = self._dense(experiment)
        return sections

    def _dense(self, experiment: Experiment) -> Sections:
        sections, written = self._measure(experiment)
        writing = self._writing(written) if "coherence" in experiment.measure else None
        if writing:
            sections["coherence"] = coherence.compare(writing, writing)
        self.baseline = Baseline(sections.get("perplexity"), writing)
        return sections

    def remember(self, record: Record) -> bool:
        """Take the baseline from a dense record that this very set-up made earlier; says whether that could be done."""
        environment, here = record.environment, self.loaded
        same = (environment.device_map, environment.dtype) == (here.device_map, here.dtype_name)
        if not same or record.perplexity is None:
            return False
        writing = None
        if (wrote := record.coherence) is not None:
            writing = Writing(
                wrote.repeated_4grams, wrote.distinct_2, wrote.judge_perplexity, wrote.faults, wrote.samples
            )
        self.baseline = Baseline(record.perplexity, writing)
        return True

    def pruned(self, experiment: Experiment) -> Sections:
        """Prune, measure, restore, and let the dense model judge what the pruned one wrote."""
        if self.baseline is None:
            raise ExperimentError("the dense baseline of this model failed, so there is nothing to compare with")
        with pruned(self.loaded, experiment) as pruning:
            sections, written = self._measure(experiment)
        if "coherence" in experiment.measure and self.baseline.writing is not None:
            sections["coherence"] = coherence.compare(self._writing(written), self.baseline.writing)
        return {"pruning": pruning, **sections}

    def _measure(self, experiment: Experiment) -> tuple[Sections, list[Written]]:
        model, wanted = self.loaded.model, experiment.measure
        sections: Sections = {}
        written: list[Written] = []
        memory.reset_peaks()
        if "perplexity" in wanted:
            sections["perplexity"] = self._perplexity()
        if "generation" in wanted or "coherence" in wanted:
            written = generation.write(model, self.loaded.tokenizer, self._prompts())
        if "generation" in wanted:
            prefill, decode = generation.speed(model, written[0].prompt_ids)
            sections["generation"] = Generation(
                prefill_tokens_per_s=prefill,
                decode_tokens_per_s=decode,
                prompts=len(written),
                new_tokens=generation.NEW_TOKENS,
                samples=tuple(sample.sample for sample in written[:SAMPLES_KEPT]),
            )
        if "memory" in wanted:
            sections["memory"] = memory.peaks(model)
        return sections, written

    def _perplexity(self) -> Perplexity:
        tokens, model = self.windows.tokens, self.loaded.model
        batch_size = max(1, TOKENS_A_BATCH // tokens.shape[1])
        losses = token_losses(model, tokens, batch_size, lambda done: self.progress(done, len(tokens)))
        dense = self.baseline.perplexity if self.baseline else None
        return perplexity(losses, self.windows, self._protocol(batch_size), dense, self.source.anatomy.vocabulary)

    def _protocol(self, batch_size: int) -> Protocol:
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
            stride=context,
            windows=count,
            batch_size=batch_size,
            attention=self.loaded.model.config._attn_implementation,
            dtype=self.loaded.dtype_name,
            stored_dtype=self.source.stored_dtype,
        )

    def _prompts(self) -> list[str]:
        if self.windows.labels is not None:
            return coherence.prompts_of(stories())
        return list(coherence.PROMPTS)

    def _writing(self, written: list[Written]) -> Writing:
        return coherence.measure_writing(written, self.loaded.model, parsed=self.windows.labels is not None)
