"""What a study will take on a machine, reckoned without torch: seconds and bytes of every experiment.

A forecast, not a promise: what each stage cannot do without, at the rates of `suite.rates` and the shares of them that
it reaches, and what calls cost whatever is in them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from suite.bench.work import ITEM_BYTES, copy_bytes, evaluation_operations, step_bytes
from suite.errors import InputError
from suite.machine import Machine, cores, pick_dtype
from suite.manifest import Study
from suite.manifest.cliff import Search
from suite.models.anatomy import Anatomy, Parameter
from suite.models.source import ModelSource
from suite.rates import Rates, rates
from suite.records import Experiment
from suite.training import cost
from suite.training.levels import asked_of
from suite.training.schedule import training_bytes

RUNTIME_BYTES = 600_000_000  # the framework itself: its libraries on a host, its context on a GPU
LOGITS_BYTES = 200_000_000  # a chunk of logits in float32, and what the loss makes of it
STARTING = 0.05  # seconds of an experiment whatever is done in it, and of a loading
TOKENS_A_PASS = 2048  # that are evaluated at once
NARROW = 40  # a model so wide reaches half of what a wide one does: narrow matrices keep a processor waiting
LAYER_SECONDS = 4e-4  # that a layer costs a pass, or a step of decoding, whatever its size
COLUMN_SECONDS = 1e-4  # that SparseGPT spends on a column whatever its height
GRAMS = 1.5  # X X^T of the widest layer, and of the others of its block, that SparseGPT holds at once
COURSE = 5  # evaluations along a recovery
GENERATED = 2 * 6 * 50  # tokens, one after another, for the speed: two blocks of a warm-up and five repeats


@dataclass(frozen=True, slots=True)
class Forecast:
    """One experiment's forecast: `seconds` without the loading of its model, `bytes` at the peak on its device."""

    experiment: Experiment
    seconds: float
    bytes: int


def forecast(study: Study, machine: Machine) -> list[Forecast]:
    """The forecast of every experiment of a study, in running order."""
    return [_one(study, study.model(experiment.model), experiment, machine) for experiment in study.experiments]


def search_forecast(study: Study, machine: Machine) -> list[tuple[Search, Forecast]]:
    """The forecast of one experiment of each search."""
    return [
        (search, _one(study, study.model(search.template.model), search.template, machine)) for search in study.searches
    ]


def room(machine: Machine) -> int:
    """Bytes that models may fill: the GPUs' memory, or the host's where there is none."""
    return sum(gpu.memory for gpu in machine.gpus) or machine.memory


LARGER = "take a larger machine, leave the model out, or give it `dtype: float16`"


def check_fits(forecasts: Iterable[Forecast], study: Study, machine: Machine) -> None:
    """Refuse what cannot fit.

    Raises:
        InputError: an experiment needs more memory than the GPUs, or the host, have.
    """
    there = room(machine)
    for one in forecasts:
        if one.bytes > there:
            dtype = _dtype(study.model(one.experiment.model), machine)
            raise InputError(
                f"model {one.experiment.model!r} needs about {one.bytes / 1e9:.1f} GB in {dtype}, and this machine has "
                f"{there / 1e9:.1f} GB ({machine.hardware}); {LARGER}"
            )


def host_bytes(study: Study, one: Forecast, machine: Machine) -> int:
    """Bytes an experiment needs on the host: all of it without a GPU, else the checkpoint on its way there, and the
    dense model's hidden states."""
    if not machine.gpus:
        return one.bytes
    model = study.model(one.experiment.model)
    weights = model.anatomy.weights * ITEM_BYTES[model.stored_dtype]
    return weights + _states(study, model, ITEM_BYTES[_dtype(model, machine)]) + 2 * RUNTIME_BYTES


def load_seconds(model: ModelSource, machine: Machine) -> float:
    """Seconds to load a model once."""
    stored = model.anatomy.weights * ITEM_BYTES[model.stored_dtype]
    return STARTING + rates(machine).seconds("load", stored, _dtype(model, machine))


def tokens_of(study: Study, model: ModelSource) -> int:
    """About how many tokens of the text the model will predict; exact only once it is tokenised."""
    small = model.anatomy.vocabulary < 512 and not study.text.labelled  # a tokenizer of characters
    tokens = study.text.bytes / (1.0 if small else 4.35)
    return int(tokens // study.context * study.context)


def _states(study: Study, model: ModelSource, item: int) -> int:
    """Bytes of the dense model's hidden states, which are kept on the host."""
    return tokens_of(study, model) * model.anatomy.hidden * item


def _dtype(model: ModelSource, machine: Machine, precision: str | None = None) -> str:
    capability = min((gpu.capability for gpu in machine.gpus), default=None)
    asked = model.dtype if precision is None or precision.startswith("float8") else precision
    return pick_dtype(asked, capability, model.stored_dtype)[0]


def _one(study: Study, model: ModelSource, experiment: Experiment, machine: Machine) -> Forecast:
    if experiment.training is not None:
        return _training(study, model, experiment, machine)
    dtype = _dtype(model, machine, experiment.precision)
    selected: tuple[Parameter, ...] = ()
    if not experiment.unpruned:
        selected = model.anatomy.select(experiment.target, experiment.part, experiment.layers, experiment.tied)
    learning_seconds, learning_bytes = _learning(model.anatomy, selected, experiment, rates(machine), dtype)
    seconds = learning_seconds + _measuring(study, model, experiment, selected, rates(machine), dtype)
    needed = _needed(study, model, experiment, machine, learning_bytes)
    return Forecast(experiment, seconds, needed)


def _measuring(
    study: Study,
    model: ModelSource,
    experiment: Experiment,
    selected: tuple[Parameter, ...],
    rates: Rates,
    dtype: str,
) -> float:
    """Seconds of all but what is learnt: pruning and restoring, and what is measured in between."""
    anatomy, wanted = model.anatomy, set(experiment.measure)
    copied = copy_bytes(sum(parameter.weights for parameter in selected), dtype)
    seconds = STARTING + rates.seconds("prune", copied, dtype) + rates.seconds("restore", copied, dtype)
    beside = 1 if experiment.dense else 2  # times: the dense model's predictions are computed beside the pruned one's
    if experiment.recovery is not None:
        seconds += COURSE * _evaluation(study, model, rates, dtype, heads=1)
    if "perplexity" in wanted:
        seconds += _evaluation(study, model, rates, dtype, heads=beside)
    if "size" in wanted:
        seconds += anatomy.weights * ITEM_BYTES[model.stored_dtype] * 2 / rates.files  # written and read back
    step = rates.seconds("generate", step_bytes(anatomy, dtype), dtype) + anatomy.layers * LAYER_SECONDS
    if "generation" in wanted:
        seconds += GENERATED * step * beside
    if {"generation", "coherence"} & wanted:
        seconds += (1 if study.text.labelled else 8) * 50 * step * 2  # the samples, by length of prompt
    return seconds


def _evaluation(study: Study, model: ModelSource, rates: Rates, dtype: str, heads: int) -> float:
    """Seconds to evaluate the study's text once; the head runs `heads` times."""
    tokens, layers = tokens_of(study, model), model.anatomy.layers
    operations = evaluation_operations(model.anatomy, tokens, study.context, heads)
    operations = operations * (1 + NARROW / model.anatomy.hidden)
    return rates.seconds("evaluate", operations, dtype) + tokens / TOKENS_A_PASS * layers * LAYER_SECONDS


def _needed(study: Study, model: ModelSource, experiment: Experiment, machine: Machine, learning: float) -> int:
    """Bytes at the peak on the device; `learning` are those of a calibration or a recovery beside the weights."""
    anatomy, item = model.anatomy, ITEM_BYTES[_dtype(model, machine, experiment.precision)]
    window = max(2048, study.context)
    activations = window * (6 * anatomy.hidden + 3 * anatomy.inner) * item
    largest = max(parameter.weights for parameter in anatomy.parameters)
    untied = anatomy.head.weights if anatomy.tied and experiment.tied == "untie" else 0
    needed = (anatomy.weights + untied) * item + RUNTIME_BYTES
    needed += int(max(activations + LOGITS_BYTES, largest * 8, learning))
    if not machine.gpus:
        needed += _states(study, model, item) if "perplexity" in experiment.measure else 0
        needed += anatomy.weights * item if experiment.recovery else 0  # the copy it is restored from
    return needed


def _training(study: Study, model: ModelSource, experiment: Experiment, machine: Machine) -> Forecast:
    """Small networks are trained in batches: one on each core, or one on a GPU."""
    anatomy, asked = model.anatomy, asked_of(experiment)
    small, rate = anatomy.weights <= cost.BATCHED, rates(machine).matrix["float32"]
    if machine.gpus:
        together, lanes = (cost.TOGETHER if small else 1), 1
        needed = RUNTIME_BYTES
    else:
        together, lanes = (cost.ON_A_CORE, cores()) if small else (1, 1)
        needed = RUNTIME_BYTES + cost.PROCESS_BYTES * (lanes if small else 1)
    needed += cost.training_bytes(anatomy, asked, study.context, together * lanes)
    seconds = cost.training_seconds(anatomy, asked, study.context, rate / lanes, together, lanes)
    return Forecast(experiment, seconds, needed)


def _learning(
    anatomy: Anatomy, selected: tuple[Parameter, ...], experiment: Experiment, rates: Rates, dtype: str
) -> tuple[float, float]:
    """Seconds that a calibration and a recovery take, and the bytes they need on the device beside the weights."""
    seconds, needed, item = 0.0, 0.0, ITEM_BYTES[dtype]
    if (shown := experiment.calibration) is not None:
        tokens = shown.samples * shown.context
        passes = 2 + (experiment.allocation != "uniform")  # a block is run to look at it, and again once it is pruned
        seconds += rates.seconds("evaluate", passes * tokens * 2 * anatomy.block_weights, dtype)
        if experiment.criterion == "sparsegpt":
            fed = [parameter.shape for parameter in selected]
            operations = sum(2 * inputs * inputs * (tokens + 2 * outputs + inputs) for outputs, inputs in fed)
            seconds += rates.seconds("evaluate", operations, "float32")
            seconds += sum(inputs for _, inputs in fed) * COLUMN_SECONDS
            needed += 4 * GRAMS * 4 * max(inputs for _, inputs in fed) ** 2
        needed += shown.context * 2 * anatomy.inner * item
    if (asked := experiment.recovery) is not None:
        operations = 3 * 2 * (anatomy.block_weights + anatomy.head.weights) * asked.tokens
        seconds += rates.seconds("evaluate", operations, "float32")
        needed += training_bytes(anatomy, asked) - anatomy.weights * item
    return seconds, needed
