"""A model pruned for the length of one experiment, and whole again after it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor

from suite.interruption import stop_if_asked
from suite.models.achieved import Pruned, achieved
from suite.models.allocation import owl
from suite.models.anatomy import Parameter
from suite.models.calibration import Finish, Gather, LayerInputs, gram, in_order, squared_norms
from suite.models.loading import HEAD, TABLE, LoadedModel
from suite.pruning.choose import Chosen, choose
from suite.pruning.criteria import CRITERIA
from suite.pruning.masks import Bits
from suite.pruning.precision import full_float32
from suite.pruning.remove import remove
from suite.pruning.sparsegpt import inverse_factor
from suite.records.experiment import Experiment
from suite.records.schema import TensorCount

# How a criterion comes by what it wants of a layer's inputs: gathered sample by sample, then finished.
LOOKS: dict[str, tuple[Gather, Finish]] = {
    "norms": (squared_norms, Tensor.sqrt_),
    "gram": (gram, inverse_factor),
}


@contextmanager
def pruned(
    loaded: LoadedModel,
    experiment: Experiment,
    calibration: Tensor | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Pruned]:
    """Prune the model in place as the experiment asks, and restore it on leaving, whatever happens inside.

    Args:
        calibration: int64 [samples, context], for a criterion that looks at activations.
        progress: told how many tensors are pruned, and how many will be.
    """
    selected = loaded.anatomy.select(experiment.target, experiment.part, experiment.layers, experiment.tied)
    names = [parameter.name for parameter in selected]
    untie = loaded.anatomy.tied and experiment.tied == "untie" and bool({HEAD, TABLE} & set(names))
    with loaded.untied(untie) as copied_bytes:
        started = time.perf_counter()
        try:
            with full_float32():
                masks, counts = _prune(loaded, selected, experiment, calibration, progress)
            yield Pruned(
                achieved(loaded.anatomy, selected, counts, masks, time.perf_counter() - started, copied_bytes), masks
            )
        finally:
            loaded.restore(names)


def _prune(
    loaded: LoadedModel,
    selected: tuple[Parameter, ...],
    experiment: Experiment,
    calibration: Tensor | None,
    progress: Callable[[int, int], None],
) -> tuple[dict[str, Bits], dict[str, TensorCount]]:
    masks: dict[str, Bits] = {}
    counts: dict[str, TensorCount] = {}
    for chosen in _chosen(loaded, selected, experiment, calibration):
        stop_if_asked()
        name, gone, corrected = chosen
        done = remove(loaded.parameter(name).data, gone, loaded.pristine(name), corrected)
        masks[name] = done.mask
        counts[name] = TensorCount(weights=gone.numel(), zeros=done.zeros, zeros_before=done.zeros_before)
        progress(len(masks), len(selected))
        del chosen, gone, corrected  # before the next tensor's scores are made
    return masks, counts


def _chosen(
    loaded: LoadedModel, selected: tuple[Parameter, ...], experiment: Experiment, calibration: Tensor | None
) -> Iterator[Chosen]:
    """What goes of each tensor, in an order in which its criterion can be told what the tensor's layer is fed."""
    sparsity: float | dict[str, float] = experiment.sparsity
    total = None if experiment.budget is None else loaded.anatomy.budget(experiment.budget)
    if experiment.allocation == "owl":
        assert calibration is not None, "an allocation that looks at activations is given them"
        sparsity = owl(loaded, selected, calibration, experiment.sparsity)
        total = round(experiment.sparsity * sum(parameter.weights for parameter in selected))
    inputs: LayerInputs | None = None
    if (wants := CRITERIA[experiment.criterion].wants) in LOOKS:
        assert calibration is not None, "a criterion that looks at activations is given them"
        selected = in_order(selected)
        gather, finish = LOOKS[wants]
        inputs = LayerInputs(loaded, calibration, gather, selected, finish)
    return choose(
        {parameter.name: parameter.weights for parameter in selected},
        loaded.pristine,
        criterion=experiment.criterion,
        scope=experiment.scope,
        sparsity=sparsity,
        total=total,
        pattern=experiment.pattern,
        seed=experiment.seed,
        inputs=inputs,
    )
