"""What a study will take on this machine, reckoned without torch: seconds and bytes of every experiment.

A forecast, not a promise: rates are the processor's measured matrix product and the GPU's published figures, lowered to
what evaluation usually reaches.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np

from suite.errors import InputError
from suite.machine import Machine, cores, pick_dtype
from suite.manifest import Study
from suite.manifest.cliff import Search
from suite.models.anatomy import Anatomy, Parameter
from suite.models.source import ModelSource
from suite.records import Experiment
from suite.training import cost
from suite.training.levels import asked_of
from suite.training.schedule import training_bytes

ITEM_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
RUNTIME_BYTES = 600_000_000  # the framework itself: its libraries on a host, its context on a GPU
LOGITS_BYTES = 200_000_000  # a chunk of logits in float32, and what the loss makes of it
DISK_BANDWIDTH = 0.5e9  # bytes/s
HOST_BANDWIDTH = 15e9  # bytes/s a decoding step reads weights with on a usual processor
# (capability): 16-bit matrix products a second, bytes a second; published figures of V100, T4, A100, L4, H100, RTX 50
GPU_RATES = {
    (7, 0): (110e12, 0.9e12),
    (7, 5): (60e12, 0.32e12),
    (8, 0): (310e12, 1.5e12),
    (8, 9): (120e12, 0.3e12),
    (9, 0): (900e12, 3.3e12),
    (12, 0): (200e12, 1.0e12),
}
USUAL_SHARE = 0.45  # of the matrix rate that evaluation reaches
STEP_OVERHEAD = 4e-4  # seconds a layer costs a decoding step whatever its size
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
    return 1.0 + model.anatomy.weights * ITEM_BYTES[model.stored_dtype] / DISK_BANDWIDTH


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
    anatomy, item = model.anatomy, ITEM_BYTES[_dtype(model, machine, experiment.precision)]
    matrix_rate, bandwidth = _rates(machine, anatomy.hidden, item)
    multiplied = anatomy.block_weights + anatomy.head.weights
    selected: tuple[Parameter, ...] = ()
    if not experiment.unpruned:
        selected = anatomy.select(experiment.target, experiment.part, experiment.layers, experiment.tied)
    touched = sum(parameter.weights for parameter in selected)

    seconds = 0.05 + touched * item * 12 / bandwidth  # scoring, selecting, zeroing and restoring pass over the weights
    states = 0
    learning_seconds, learning_bytes = _learning(anatomy, selected, experiment, matrix_rate, item)
    seconds += learning_seconds
    if experiment.recovery is not None:
        seconds += COURSE * tokens_of(study, model) * 2 * multiplied / matrix_rate
    if "perplexity" in experiment.measure:
        heads = 1 if experiment.dense else 2  # the dense model's predictions are computed again beside the pruned one's
        passed = multiplied + (heads - 1) * anatomy.head.weights
        seconds += tokens_of(study, model) * 2 * passed / matrix_rate
        states = _states(study, model, item)
    if "size" in experiment.measure:
        seconds += anatomy.weights * ITEM_BYTES[model.stored_dtype] * 2 / DISK_BANDWIDTH
    step = multiplied * item / bandwidth + anatomy.layers * STEP_OVERHEAD
    if "generation" in experiment.measure:
        seconds += GENERATED * step * (1 if experiment.dense else 2)  # the dense model beside it
    if {"generation", "coherence"} & set(experiment.measure):
        seconds += (1 if study.text.labelled else 8) * 50 * step * 2  # the samples, by length of prompt

    window = max(2048, study.context)
    activations = window * (6 * anatomy.hidden + 3 * anatomy.inner) * item
    largest = max(parameter.weights for parameter in anatomy.parameters)
    untied = anatomy.head.weights if anatomy.tied and experiment.tied == "untie" else 0
    needed = (anatomy.weights + untied) * item + RUNTIME_BYTES
    needed += int(max(activations + LOGITS_BYTES, largest * 8, learning_bytes))
    if not machine.gpus:
        needed += states + (anatomy.weights * item if experiment.recovery else 0)  # the copy it is restored from
    return Forecast(experiment, seconds, needed)


def _training(study: Study, model: ModelSource, experiment: Experiment, machine: Machine) -> Forecast:
    """Small networks are trained in batches: one on each core, or one on a GPU."""
    anatomy, asked = model.anatomy, asked_of(experiment)
    small = anatomy.weights <= cost.BATCHED
    if machine.gpus:
        together, lanes = (cost.TOGETHER if small else 1), 1
        rate, needed = _rates(machine, anatomy.hidden, 4)[0], RUNTIME_BYTES
    else:
        together, lanes = (cost.ON_A_CORE, cores()) if small else (1, 1)
        rate = host_matrix_rate() / lanes
        needed = RUNTIME_BYTES + cost.PROCESS_BYTES * (lanes if small else 1)
    needed += cost.training_bytes(anatomy, asked, study.context, together * lanes)
    return Forecast(experiment, cost.training_seconds(anatomy, asked, study.context, rate, together, lanes), needed)


def _learning(
    anatomy: Anatomy, selected: tuple[Parameter, ...], experiment: Experiment, matrix_rate: float, item: int
) -> tuple[float, float]:
    """Seconds that a calibration and a recovery take, and the bytes they need on the device beside the weights."""
    seconds, needed = 0.0, 0.0
    if (shown := experiment.calibration) is not None:
        tokens = shown.samples * shown.context
        passes = 2 + (experiment.allocation != "uniform")  # a block is run to look at it, and again once it is pruned
        seconds += passes * tokens * 2 * anatomy.block_weights / matrix_rate
        if experiment.criterion == "sparsegpt":
            fed = [parameter.shape for parameter in selected]
            seconds += (
                sum(2 * inputs * inputs * (tokens + 2 * outputs + inputs) for outputs, inputs in fed) / matrix_rate
            )
            seconds += sum(inputs for _, inputs in fed) * COLUMN_SECONDS
            needed += 4 * GRAMS * 4 * max(inputs for _, inputs in fed) ** 2
        needed += shown.context * 2 * anatomy.inner * item
    if (asked := experiment.recovery) is not None:
        seconds += 3 * 2 * (anatomy.block_weights + anatomy.head.weights) * asked.tokens / matrix_rate
        needed += training_bytes(anatomy, asked) - anatomy.weights * item
    return seconds, needed


def _rates(machine: Machine, hidden: int, item: int) -> tuple[float, float]:
    """Floating-point operations a second that evaluation reaches, and bytes a second that decoding reads."""
    if not machine.gpus:
        narrow = hidden / (hidden + 400)  # narrow matrices keep a processor waiting
        return host_matrix_rate() * narrow, HOST_BANDWIDTH
    gpu = min(machine.gpus, key=lambda gpu: gpu.capability)
    matrix, bandwidth = GPU_RATES.get(gpu.capability, (60e12, 0.4e12))
    return matrix * USUAL_SHARE * (1.0 if item == 2 else 0.12), bandwidth * 0.25


@cache
def host_matrix_rate() -> float:
    """Floating-point operations a second of a float32 matrix product on this processor, measured in some 20 ms."""
    size = 512
    matrix = np.ones((size, size), dtype=np.float32)
    matrix @ matrix  # wake the threads
    started = time.perf_counter()
    for _ in range(5):
        matrix @ matrix
    return 5 * 2 * size**3 / (time.perf_counter() - started)
