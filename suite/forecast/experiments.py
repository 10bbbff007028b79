"""What a study will take on a machine, reckoned without torch: seconds and bytes of every experiment.

A forecast, not a promise; `suite.forecast.hindsight` says how good it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from suite.bench.work import ITEM_BYTES
from suite.errors import InputError
from suite.forecast import durations
from suite.forecast.durations import tokens_of
from suite.forecast.rates import rates
from suite.machine import Machine, cores, pick_dtype
from suite.manifest import Study
from suite.manifest.cliff import Left, Search
from suite.models.source import ModelSource
from suite.models.unchanged import first_run, unchanged_blocks
from suite.protocol import TOKENS_A_BATCH
from suite.pruning.criteria import CRITERIA
from suite.records import Experiment
from suite.training import cost
from suite.training.levels import asked_of
from suite.training.schedule import training_bytes

SEARCHED = 0.75  # of the experiments that a search takes at most, which it takes: 271 of 360 of the embedded study
STEPPED = 0.85  # of the steps on a part of the text, in searches of that study
RUNTIME_BYTES = 600_000_000  # the framework itself: its libraries on a host, its context on a GPU
LOGITS_BYTES = 200_000_000  # a chunk of logits in float32, and what the loss makes of it


@dataclass(frozen=True, slots=True)
class Forecast:
    """One experiment's forecast: `seconds` without the loading of its model, `bytes` at the peak on its device."""

    experiment: Experiment
    seconds: float
    bytes: int


def forecast(study: Study, machine: Machine) -> list[Forecast]:
    """The forecast of every experiment of a study, in running order."""
    kept: dict[str, int] = {}  # of each model the block whose inputs are known; at first the one needed first
    found = []
    for experiment in study.experiments:
        unchanged = unchanged_blocks(study.model(experiment.model).anatomy, experiment)
        first = first_run(kept.get(experiment.model, unchanged), unchanged)
        found.append(_foresee(study, experiment, machine, first))
        if unchanged:
            kept[experiment.model] = unchanged
    return found


@dataclass(frozen=True, slots=True)
class SearchForecast:
    """One search's forecast: of a `cell` on the whole text, and of a `step` that stops early."""

    search: Search
    cell: Forecast
    step: Forecast

    def seconds(self, left: Left) -> float:
        """Of a search that takes so many experiments at most, of which it takes a part."""
        if not self.search.sequential:
            return SEARCHED * left.whole * self.cell.seconds
        return left.whole * self.cell.seconds + STEPPED * left.steps * self.step.seconds


def search_forecast(study: Study, machine: Machine) -> list[SearchForecast]:
    """The forecasts of the searches."""
    return [
        SearchForecast(
            search,
            foresee_point(study, search.template, machine),
            foresee_point(study, search.step(search.template.sparsity), machine),
        )
        for search in study.searches
    ]


def foresee_point(study: Study, experiment: Experiment, machine: Machine) -> Forecast:
    """The forecast of a point of a search, which comes after others of its line."""
    return _foresee(study, experiment, machine, unchanged_blocks(study.model(experiment.model).anatomy, experiment))


def _foresee(study: Study, experiment: Experiment, machine: Machine, first: int) -> Forecast:
    """The forecast of one experiment; the first block that has to run is `first`, the inputs of which are known."""
    model = study.model(experiment.model)
    if experiment.training is not None:
        return _training(study, model, experiment, machine)
    dtype = _dtype(model, machine, experiment.precision)
    seconds = durations.measuring(study, model, experiment, rates(machine), dtype, first)
    return Forecast(experiment, seconds, _bytes(study, model, experiment, machine, ITEM_BYTES[dtype]))


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
    weights = (model.anatomy.weights + model.anatomy.stacked_weights) * ITEM_BYTES[model.stored_dtype]
    states = _states(study, model, one.experiment, ITEM_BYTES[_dtype(model, machine)])
    return weights + states + 2 * RUNTIME_BYTES


def load_seconds(model: ModelSource, machine: Machine) -> float:
    """Seconds to load a model once."""
    return durations.loading(model, rates(machine), _dtype(model, machine))


def start_seconds(models: Iterable[ModelSource]) -> float:
    """Seconds until a run has started, and has dequantised the GGUF files of these models that the cache lacks."""
    return durations.RUN + durations.converting(models)


def _states(study: Study, model: ModelSource, experiment: Experiment, item: int) -> int:
    """Bytes of the dense model's hidden states that are kept on the host: the last, and those where others start.

    In float32 the means of the head's rows are kept as well, which are as large.
    """
    kept = 1 + bool(unchanged_blocks(model.anatomy, experiment)) + (item == 4)
    return kept * tokens_of(study, model, experiment.windows) * model.anatomy.hidden * item


def _dtype(model: ModelSource, machine: Machine, precision: str | None = None) -> str:
    capability = min((gpu.capability for gpu in machine.gpus), default=None)
    asked = model.dtype if precision is None or precision.startswith("float8") else precision
    return pick_dtype(asked, capability, model.stored_dtype)[0]


def _bytes(study: Study, model: ModelSource, experiment: Experiment, machine: Machine, item: int) -> int:
    """Bytes at the peak on the device."""
    anatomy = model.anatomy
    activations = max(TOKENS_A_BATCH, study.context) * (6 * anatomy.hidden + 3 * anatomy.inner) * item
    largest = max(parameter.weights for parameter in anatomy.parameters)
    untied = anatomy.head.weights if anatomy.tied and experiment.tied == "untie" else 0
    needed = (anatomy.weights + untied) * item + RUNTIME_BYTES
    needed += max(activations + LOGITS_BYTES, largest * 8, _learning_bytes(model, experiment, item))
    if not machine.gpus:
        needed += _states(study, model, experiment, item) if "perplexity" in experiment.measure else 0
        needed += anatomy.weights * item if experiment.recovery else 0  # the copy it is restored from
        needed += anatomy.stacked_weights * ITEM_BYTES[model.stored_dtype]  # what they are restored from
    return needed


def _learning_bytes(model: ModelSource, experiment: Experiment, item: int) -> int:
    """Bytes that a calibration and a recovery need on the device beside the weights."""
    needed, anatomy = 0.0, model.anatomy
    if (shown := experiment.calibration) is not None:
        if matrices := CRITERIA[experiment.criterion].effort.matrices:
            needed += 4 * matrices * max(inputs for _, inputs in durations.linear_shapes(model, experiment)) ** 2
        needed += shown.context * 2 * anatomy.inner * item
    if (asked := experiment.recovery) is not None:
        needed += training_bytes(anatomy, asked) - anatomy.weights * item
    return int(needed)


def _training(study: Study, model: ModelSource, experiment: Experiment, machine: Machine) -> Forecast:
    """Small networks are trained in batches: one on each core, or one on a GPU."""
    anatomy, asked = model.anatomy, asked_of(experiment)
    small, rate = anatomy.weights <= cost.BATCHED, rates(machine).matrix["float32"]
    if machine.gpus:
        together, executors = (cost.TOGETHER if small else 1), 1
        needed = RUNTIME_BYTES
    else:
        together, executors = (cost.ON_A_CORE, cores()) if small else (1, 1)
        needed = RUNTIME_BYTES + cost.PROCESS_BYTES * (executors if small else 1)
    needed += cost.training_bytes(anatomy, asked, study.context, together * executors)
    seconds = cost.training_seconds(anatomy, asked, study.context, rate / executors, together, executors)
    return Forecast(experiment, seconds, needed)
