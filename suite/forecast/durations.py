"""Seconds of an experiment, reckoned without torch, at the rates of `suite.forecast.rates`."""

from __future__ import annotations

import math
from collections.abc import Iterable

from suite.bench.work import ITEM_BYTES, copy_bytes, step_bytes
from suite.forecast import passes
from suite.forecast.rates import Rates
from suite.gguf.cache import missing_bytes
from suite.manifest import Study
from suite.models.anatomy import Anatomy
from suite.models.source import ModelSource
from suite.models.unchanged import keeps_head
from suite.protocol import (
    JUDGED_TOGETHER,
    RECOVERY_EVALUATED,
    TIMING_BLOCKS,
    TIMING_REPEATS,
    TIMING_WARM_UPS,
    TOKENS_A_BATCH,
)
from suite.pruning.criteria import CRITERIA
from suite.records import Experiment
from suite.training.schedule import Schedule

STARTING = 0.02  # seconds of an experiment whatever is done in it: its record, and the interval of its ratio
TENSOR_SECONDS = 2e-4  # that a tensor takes to be pruned and restored, however small
LOADING = 0.05  # seconds of a loading, however small the model
RUN = 4.0  # seconds until a run has imported the framework and cut its text
CONVERTED = 0.45e9  # bytes/s of float32 weights that a GGUF file is dequantised into; Q4_1, measured on SmolLM2 135M
WORD = 4.35  # bytes a token of the text whose words are the tokens
CHARACTERS = 256  # tokens, of a vocabulary that holds little but characters
MOST_BYTES = 4.5  # bytes of English a token, however large the vocabulary
LEARNT_PASSES = 4  # such passes that a step of learning takes: back is twice forth, and then the weights change
STEP_WINDOWS = 16  # that a step of a search evaluates before it stops, as is usual
PROMPT_TOKENS = 8  # that a prompt has, about
PACKED = 4.0  # times the bytes of a model that its compressed file takes as long as reading: packed, written, read back


def loading(model: ModelSource, rates: Rates, dtype: str) -> float:
    """Seconds to load a model once, to run in this dtype."""
    return LOADING + rates.seconds("load", model.anatomy.weights * ITEM_BYTES[model.stored_dtype], dtype)


def converting(models: Iterable[ModelSource]) -> float:
    """Seconds to dequantise the GGUF files of models that the cache lacks, each once."""
    of_files = {model.gguf: model for model in models if model.gguf is not None}.values()
    return sum(missing_bytes(model) for model in of_files) / CONVERTED


def measuring(
    study: Study, model: ModelSource, experiment: Experiment, rates: Rates, dtype: str, first: int = 0
) -> float:
    """Seconds of an experiment of a finished model: pruning and restoring, and what is learnt and measured between.

    Args:
        first: the first block that has to run when perplexity is measured.
    """
    anatomy, wanted = model.anatomy, set(experiment.measure)
    seconds = STARTING + _calibration(model, experiment, rates, dtype) + _recovery(study, model, experiment, rates)
    if not experiment.unpruned:
        selected = anatomy.select(experiment.target, experiment.part, experiment.layers, experiment.tied)
        copied = copy_bytes(sum(parameter.weights for parameter in selected), dtype)
        seconds += rates.seconds("prune", copied, dtype) + rates.seconds("restore", copied, dtype)
        seconds += len(selected) * TENSOR_SECONDS
    if experiment.sequential is not None:
        few = min(STEP_WINDOWS, tokens_of(study, model, experiment.windows) // study.context)
        seconds += _evaluation(study, model, experiment.model_copy(update={"windows": few}), rates, dtype)
    if "perplexity" in wanted:
        twice = _second_product(anatomy, experiment, dtype)
        seconds += _evaluation(study, model, experiment, rates, dtype, twice, first)
    if "size" in wanted:
        seconds += PACKED * anatomy.weights * ITEM_BYTES[model.stored_dtype] / rates.files
    asked = experiment.generation
    if "generation" in wanted:
        timed = 1 if experiment.dense else 2  # the dense model once more, beside the pruned one
        seconds += timed * _timing(anatomy, asked.tokens, rates, dtype)
    if experiment.writes:
        seconds += _writing(anatomy, asked.prompts, asked.tokens, rates, dtype)
    if "coherence" in wanted:
        seconds += _judging(anatomy, asked.prompts, asked.tokens, rates, dtype)
    return seconds


def tokens_of(study: Study, model: ModelSource, windows: int | None) -> int:
    """About how many tokens of the text the model will predict; exact only once it is tokenised.

    Args:
        windows: how many windows are evaluated; None for all of the text.
    """
    of_text = WORD if study.text.labelled else bytes_a_token(model.anatomy.vocabulary)
    there = int(study.text.bytes / of_text // study.context)
    if study.text.most_windows is not None:
        there = min(there, study.text.most_windows)
    return (there if windows is None else windows) * study.context


def bytes_a_token(vocabulary: int) -> float:
    """About how many bytes of English a token stands for: one where a vocabulary holds little but characters.

    It grows by the logarithm: 2.0 are published of 512 tokens, 3.8 of 32,000 (Llama 2), 4.4 of 128,000 (Llama 3).
    """
    return min(MOST_BYTES, max(1.0, 2.0 + 0.3 * math.log2(vocabulary / 512))) if vocabulary > CHARACTERS else 1.0


def linear_shapes(model: ModelSource, experiment: Experiment) -> list[tuple[int, int]]:
    """Outputs and inputs of the linear layers that the experiment prunes."""
    selected = model.anatomy.select(experiment.target, experiment.part, experiment.layers, experiment.tied)
    return [(one.outputs, one.inputs) for one in selected for _ in range(one.matrices)]


def _evaluation(
    study: Study,
    model: ModelSource,
    experiment: Experiment,
    rates: Rates,
    dtype: str,
    twice: bool = False,
    first: int = 0,
) -> float:
    """Seconds to evaluate the study's text once from block `first`, with a second product of the head's size or not."""
    anatomy, tokens = model.anatomy, tokens_of(study, model, experiment.windows)
    seconds = passes.body(anatomy, tokens, study.context, rates, dtype, first)
    seconds += passes.head(anatomy, tokens, rates, dtype, twice)
    return seconds + passes.calls(anatomy, tokens / TOKENS_A_BATCH, rates, first)


def _second_product(anatomy: Anatomy, experiment: Experiment, dtype: str) -> bool:
    """Whether perplexity takes a second product of the head's size, for the divergence from the dense model.

    In float32 the dense model's pass computes it, and one whose head is another; in 16 bits every other model's.
    """
    if dtype != "float32":
        return not experiment.dense
    return experiment.dense or not keeps_head(anatomy, experiment)


def _timing(anatomy: Anatomy, tokens: int, rates: Rates, dtype: str) -> float:
    """Seconds of continuing one prompt by so many tokens for its speed, on a GPU by captured graphs as well."""
    steps = TIMING_BLOCKS * (TIMING_WARM_UPS + TIMING_REPEATS) * tokens
    seconds = steps * passes.step(anatomy, 1, rates, dtype)
    if rates.on_gpu:
        seconds += steps * rates.seconds("captured", step_bytes(anatomy, dtype), dtype)
    return seconds


def _writing(anatomy: Anatomy, prompts: int, tokens: int, rates: Rates, dtype: str) -> float:
    """Seconds of continuing so many prompts together, each by so many tokens."""
    return tokens * passes.step(anatomy, prompts, rates, dtype)


def _judging(anatomy: Anatomy, prompts: int, tokens: int, rates: Rates, dtype: str) -> float:
    """Seconds in which the dense model reads what was written."""
    length = PROMPT_TOKENS + tokens
    seconds = passes.body(anatomy, prompts * length, length, rates, dtype)
    seconds += passes.head(anatomy, prompts * length, rates, dtype)
    return seconds + passes.calls(anatomy, prompts / JUDGED_TOGETHER, rates)


def _calibration(model: ModelSource, experiment: Experiment, rates: Rates, dtype: str) -> float:
    """Seconds that a criterion takes to look at activations."""
    if (shown := experiment.calibration) is None:
        return 0.0
    anatomy, tokens = model.anatomy, shown.samples * shown.context
    times = 2 + (experiment.allocation != "uniform")  # a block is run to look at it, and again once it is pruned
    seconds = times * passes.body(anatomy, tokens, shown.context, rates, dtype, evaluating=False)
    seconds += passes.calls(anatomy, times * shown.samples, rates)
    criterion = CRITERIA[experiment.criterion]
    if criterion.wants == "gram":
        shapes, effort = linear_shapes(model, experiment), criterion.effort
        operations = sum(2 * i * i * (tokens + effort.products * o + effort.factors * i) for o, i in shapes)
        seconds += rates.seconds("evaluate", int(operations), "float32")
        seconds += sum(inputs for _, inputs in shapes) * effort.column_seconds
    return seconds


def _recovery(study: Study, model: ModelSource, experiment: Experiment, rates: Rates) -> float:
    """Seconds of a fine-tuning, in float32, and of the evaluations along it."""
    if (asked := experiment.recovery) is None:
        return 0.0
    anatomy, schedule = model.anatomy, Schedule(asked)
    forth = passes.body(anatomy, schedule.tokens, asked.context, rates, "float32", evaluating=False)
    forth += passes.head(anatomy, schedule.tokens, rates, "float32", evaluating=False)
    learning = passes.calls(anatomy, LEARNT_PASSES * max(schedule.steps, schedule.tokens / TOKENS_A_BATCH), rates)
    evaluated = (1 + len(RECOVERY_EVALUATED)) * _evaluation(study, model, experiment, rates, "float32")
    return 3 * forth + learning + evaluated
