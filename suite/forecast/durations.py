"""Seconds of an experiment, reckoned without torch.

What each stage cannot do without, at the rates of `suite.forecast.rates` and the shares of them that it reaches; and
what calls cost whatever is in them, which is most of what a small model takes.
"""

from __future__ import annotations

from suite.bench.work import ITEM_BYTES, copy_bytes, evaluation_operations, step_bytes
from suite.forecast.rates import Rates
from suite.manifest import Study
from suite.models.anatomy import Anatomy
from suite.models.source import ModelSource
from suite.records import Experiment
from suite.training.schedule import Schedule

STARTING = 0.05  # seconds of an experiment whatever is done in it, and of a loading
TOKENS_A_PASS = 2048  # that are evaluated at once
NARROW = 40  # a model so wide reaches half of what a wide one does: narrow matrices keep a processor waiting
LAYER_SECONDS = 4e-4  # that a layer costs a pass, or a step of decoding, whatever its size
LEARNT_PASSES = 4  # such passes that a step of learning takes: back is twice forth, and then the weights change
COLUMN_SECONDS = 1e-4  # that SparseGPT spends on a column whatever its height
COURSE = 5  # evaluations along a recovery
STEP_WINDOWS = 16  # that a step of a search evaluates before it stops, as is usual
TIMED = 2 * 6  # times that a prompt is continued for the speed: two blocks of a warm-up and five repeats


def loading(model: ModelSource, rates: Rates, dtype: str) -> float:
    """Seconds to load a model once, to run in this dtype."""
    return STARTING + rates.seconds("load", model.anatomy.weights * ITEM_BYTES[model.stored_dtype], dtype)


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
    beside = 1 if experiment.dense else 2  # times: the dense model's predictions are computed beside the pruned one's
    if experiment.sequential is not None:
        few = min(STEP_WINDOWS, tokens_of(study, model, experiment.windows) // study.context)
        seconds += _evaluation(study, model, experiment.model_copy(update={"windows": few}), rates, dtype, heads=1)
    if "perplexity" in wanted:
        seconds += _evaluation(study, model, experiment, rates, dtype, heads=beside, first=first)
    if "size" in wanted:
        seconds += 2 * anatomy.weights * ITEM_BYTES[model.stored_dtype] / rates.files  # written and read back
    step = rates.seconds("generate", step_bytes(anatomy, dtype), dtype) + anatomy.layers * LAYER_SECONDS
    asked = experiment.generation
    if "generation" in wanted:
        seconds += TIMED * asked.tokens * step * beside
        if rates.captures:
            seconds += TIMED * asked.tokens * rates.seconds("captured", step_bytes(anatomy, dtype), dtype) * beside
    if experiment.writes:  # in one batch, whose products are those of an evaluation; and the dense model judges it
        operations = evaluation_operations(anatomy, asked.prompts * asked.tokens, asked.tokens)
        seconds += asked.tokens * step + 2 * rates.seconds("evaluate", operations, dtype)
    return seconds


def tokens_of(study: Study, model: ModelSource, windows: int | None) -> int:
    """About how many tokens of the text the model will predict; exact only once it is tokenised.

    Args:
        windows: how many windows are evaluated; None for all of the text.
    """
    small = model.anatomy.vocabulary < 512 and not study.text.labelled  # a tokenizer of characters
    tokens = study.text.bytes / (1.0 if small else 4.35)
    there = int(tokens // study.context)
    if study.text.most_windows is not None:
        there = min(there, study.text.most_windows)
    return (there if windows is None else windows) * study.context


def linear_shapes(model: ModelSource, experiment: Experiment) -> list[tuple[int, int]]:
    """Outputs and inputs of the linear layers that the experiment prunes."""
    selected = model.anatomy.select(experiment.target, experiment.part, experiment.layers, experiment.tied)
    return [(one.shape[0], one.shape[1]) for one in selected]


def _evaluation(
    study: Study, model: ModelSource, experiment: Experiment, rates: Rates, dtype: str, heads: int, first: int = 0
) -> float:
    """Seconds to evaluate the study's text once; the head runs `heads` times, and no block before `first`."""
    anatomy, tokens = model.anatomy, tokens_of(study, model, experiment.windows)
    operations = evaluation_operations(anatomy, tokens, study.context, heads, first)
    return _passes(anatomy, operations, (1 - first / anatomy.layers) * tokens / TOKENS_A_PASS, rates, dtype)


def _passes(anatomy: Anatomy, operations: float, passes: float, rates: Rates, dtype: str) -> float:
    """Seconds of so many passes through all layers, which multiply as much in all."""
    multiplying = rates.seconds("evaluate", operations * (1 + NARROW / anatomy.hidden), dtype)
    return multiplying + passes * anatomy.layers * LAYER_SECONDS


def _calibration(model: ModelSource, experiment: Experiment, rates: Rates, dtype: str) -> float:
    """Seconds that a criterion takes to look at activations."""
    if (shown := experiment.calibration) is None:
        return 0.0
    anatomy, tokens = model.anatomy, shown.samples * shown.context
    times = 2 + (experiment.allocation != "uniform")  # a block is run to look at it, and again once it is pruned
    operations = times * tokens * 2 * anatomy.block_weights
    seconds = _passes(anatomy, operations, times * shown.samples, rates, dtype)
    if experiment.criterion == "sparsegpt":
        shapes = linear_shapes(model, experiment)
        operations = sum(2 * inputs * inputs * (tokens + 2 * outputs + inputs) for outputs, inputs in shapes)
        seconds += rates.seconds("evaluate", operations, "float32") + sum(i for _, i in shapes) * COLUMN_SECONDS
    return seconds


def _recovery(study: Study, model: ModelSource, experiment: Experiment, rates: Rates) -> float:
    """Seconds of a fine-tuning, in float32, and of the evaluations along it."""
    if (asked := experiment.recovery) is None:
        return 0.0
    anatomy, schedule = model.anatomy, Schedule(asked)
    operations = 3 * evaluation_operations(anatomy, schedule.tokens, asked.context)
    passes = LEARNT_PASSES * max(schedule.steps, schedule.tokens / TOKENS_A_PASS)
    learning = _passes(anatomy, operations, passes, rates, "float32")
    return learning + COURSE * _evaluation(study, model, experiment, rates, "float32", heads=1)
