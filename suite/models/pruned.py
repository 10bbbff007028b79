"""A model pruned for the length of one experiment, and whole again after it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from suite.models.anatomy import Parameter
from suite.models.calibration import LayerInputs, gram, squared_norms
from suite.models.loading import HEAD, TABLE, LoadedModel
from suite.pruning.choose import Inputs, choose, choose_and_correct
from suite.pruning.masks import Bits, mask_digest, packed
from suite.records.experiment import Experiment
from suite.records.schema import Pruning, TensorCount


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was done: the record's section, and the packed mask of each tensor (a sixteenth of a 16-bit model)."""

    achieved: Pruning
    masks: dict[str, Bits]


@contextmanager
def pruned(loaded: LoadedModel, experiment: Experiment, calibration: Tensor | None = None) -> Iterator[Pruned]:
    """Prune the model in place as the experiment asks, and restore it on leaving, whatever happens inside.

    `calibration` is int64 [samples, context], for a criterion that looks at activations.
    """
    selected = loaded.anatomy.select(experiment.target, experiment.part, experiment.layers, experiment.tied)
    names = [parameter.name for parameter in selected]
    untie = loaded.anatomy.tied and experiment.tied == "untie" and bool({HEAD, TABLE} & set(names))
    with loaded.untied(untie) as copied_bytes:
        started = time.perf_counter()
        try:
            masks, counts = _prune(loaded, selected, experiment, calibration)
            achieved = _achieved(
                loaded, selected, counts, mask_digest(masks), copied_bytes, time.perf_counter() - started
            )
            yield Pruned(achieved, masks)
        finally:
            loaded.restore(names)


def _prune(
    loaded: LoadedModel, selected: tuple[Parameter, ...], experiment: Experiment, calibration: Tensor | None
) -> tuple[dict[str, Bits], dict[str, TensorCount]]:
    masks: dict[str, Bits] = {}
    counts: dict[str, TensorCount] = {}
    for name, removed, corrected in _chosen(loaded, selected, experiment, calibration):
        parameter, stored = loaded.parameter(name), loaded.stored(name).to(removed.device)
        if corrected is not None:
            parameter.data.copy_(corrected)
        parameter.data.masked_fill_(removed, 0)
        masks[name] = packed(removed)
        zeros = removed | ((stored if corrected is None else corrected) == 0)
        counts[name] = TensorCount(
            weights=removed.numel(), zeros=int(zeros.sum()), zeros_before=int((stored == 0).sum())
        )
    return masks, counts


def _chosen(
    loaded: LoadedModel, selected: tuple[Parameter, ...], experiment: Experiment, calibration: Tensor | None
) -> Iterator[tuple[str, Tensor, Tensor | None]]:
    """Each tensor's name with what goes of it, and its other weights where the criterion corrects them."""
    budget_total = None if experiment.budget is None else loaded.anatomy.budget(experiment.budget)
    how: dict[str, Any] = {"scope": experiment.scope, "sparsity": experiment.sparsity, "budget_total": budget_total}
    inputs: Inputs | None = None
    if calibration is not None:
        last = loaded.anatomy.layers
        selected = tuple(sorted(selected, key=lambda one: (last if one.layer is None else one.layer, one.name)))
        gather = gram if experiment.criterion == "sparsegpt" else squared_norms
        inputs = LayerInputs(loaded, calibration, gather, selected)
    sizes = {parameter.name: parameter.weights for parameter in selected}

    def load(name: str) -> Tensor:
        return loaded.stored(name).to(loaded.parameter(name).device)

    if experiment.criterion == "sparsegpt":
        assert inputs is not None, "a criterion that looks at activations is given them"
        yield from choose_and_correct(sizes, load, inputs, **how)
        return
    chosen = choose(sizes, load, criterion=experiment.criterion, seed=experiment.seed, inputs=inputs, **how)
    for name, removed in chosen:
        yield name, removed, None


def _achieved(
    loaded: LoadedModel,
    selected: tuple[Parameter, ...],
    counts: dict[str, TensorCount],
    digest: str,
    untied_bytes: int,
    seconds: float,
) -> Pruning:
    anatomy = loaded.anatomy
    zeros = sum(count.zeros for count in counts.values())
    weights = sum(count.weights for count in counts.values())
    # A multiply-add for each weight of a linear layer, the head's too; a look-up in the embeddings costs none.
    multiply_adds = anatomy.block_weights + anatomy.head.weights
    idle = sum(counts[parameter.name].zeros for parameter in selected if parameter.part != "embeddings")
    if anatomy.tied and TABLE in counts and not untied_bytes:
        idle += counts[TABLE].zeros  # the shared table is the head as well
    # A private copy of a tied table is weight added, and counts against what was removed.
    remaining = anatomy.weights + (anatomy.head.weights if untied_bytes else 0) - zeros
    return Pruning(
        mask_digest=digest,
        zeros=zeros,
        weights=weights,
        layers=len(counts),
        achieved_sparsity=zeros / weights,
        model_sparsity=1 - remaining / anatomy.weights,
        per_tensor=counts,
        compression_ratio=anatomy.weights / max(1, remaining),
        theoretical_speedup=multiply_adds / max(1, multiply_adds - idle),
        untied_bytes=untied_bytes,
        seconds=seconds,
    )
