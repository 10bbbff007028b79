"""A model pruned for the length of one experiment, and whole again after it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from suite.models.anatomy import Parameter
from suite.models.loading import HEAD, TABLE, LoadedModel
from suite.pruning.choose import choose
from suite.pruning.masks import Bits, mask_digest, packed
from suite.records.schema import Experiment, Pruning, TensorCount


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was done: the record's section, and the packed mask of each tensor (a sixteenth of a 16-bit model)."""

    achieved: Pruning
    masks: dict[str, Bits]


@contextmanager
def pruned(loaded: LoadedModel, experiment: Experiment) -> Iterator[Pruned]:
    """Prune the model in place as the experiment asks, and restore it on leaving, whatever happens inside."""
    selected = loaded.anatomy.select(experiment.target, experiment.part, experiment.layers, experiment.tied)
    names = [parameter.name for parameter in selected]
    untie = loaded.anatomy.tied and experiment.tied == "untie" and bool({HEAD, TABLE} & set(names))
    with loaded.untied(untie) as copied_bytes:
        started = time.perf_counter()
        try:
            masks, counts = _prune(loaded, selected, experiment)
            achieved = _achieved(
                loaded, selected, counts, mask_digest(masks), copied_bytes, time.perf_counter() - started
            )
            yield Pruned(achieved, masks)
        finally:
            loaded.restore(names)


def _prune(
    loaded: LoadedModel, selected: tuple[Parameter, ...], experiment: Experiment
) -> tuple[dict[str, Bits], dict[str, TensorCount]]:
    masks: dict[str, Bits] = {}
    counts: dict[str, TensorCount] = {}
    budget_total = None
    if experiment.budget is not None:
        budget_total = loaded.anatomy.budget(experiment.budget)
    chosen = choose(
        {parameter.name: parameter.weights for parameter in selected},
        lambda name: loaded.stored(name).to(loaded.parameter(name).device),
        criterion=experiment.criterion,
        scope=experiment.scope,
        sparsity=experiment.sparsity,
        budget_total=budget_total,
        seed=experiment.seed,
    )
    for name, removed in chosen:
        loaded.parameter(name).data.masked_fill_(removed, 0)
        masks[name] = packed(removed)
        zero = loaded.stored(name).to(removed.device) == 0
        counts[name] = TensorCount(
            weights=removed.numel(), zeros=int((removed | zero).sum()), zeros_before=int(zero.sum())
        )
    return masks, counts


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
