"""Where an experiment begins to differ from the dense model; worked out without torch, for forecasts too."""

from __future__ import annotations

from collections.abc import Iterable

from suite.models.anatomy import Anatomy
from suite.records.experiment import Experiment


def unchanged_blocks(anatomy: Anatomy, experiment: Experiment) -> int:
    """How many of the model's first blocks, and the embeddings before them, an experiment leaves as they are.

    Up to there it computes what the dense model does: 0 where it may differ from the start, `anatomy.layers` where only
    the head is pruned. Also 0 where that saves nothing, since no perplexity is measured.
    """
    if experiment.training is not None or "perplexity" not in experiment.measure:
        return 0
    if experiment.structured or experiment.recovery is not None or experiment.baseline_precision is not None:
        return 0
    if experiment.unpruned:
        return 0  # the baseline: what others are held against is computed whole
    selected = anatomy.select(experiment.target, experiment.part, experiment.layers, experiment.tied)
    if any(parameter.part == "embeddings" for parameter in selected):
        return 0
    return min(anatomy.layers if parameter.layer is None else parameter.layer for parameter in selected)


def keeps_head(anatomy: Anatomy, experiment: Experiment) -> bool:
    """Whether an experiment leaves the head's values as they are. False where no perplexity is measured."""
    if experiment.unpruned or experiment.training is not None or "perplexity" not in experiment.measure:
        return False
    if experiment.recovery is not None or experiment.baseline_precision is not None:
        return False
    if experiment.structured:
        return True
    selected = anatomy.select(experiment.target, experiment.part, experiment.layers, experiment.tied)
    tables = {"lm_head", "embeddings"} if experiment.tied == "both" and anatomy.tied else {"lm_head"}
    return not any(parameter.part in tables for parameter in selected)


def first_needed(anatomy: Anatomy, coming: Iterable[Experiment]) -> int:
    """The block whose inputs are needed first by experiments that come in this order; 0 where none needs any."""
    return next((block for one in coming if (block := unchanged_blocks(anatomy, one))), 0)


def first_run(kept: int, unchanged: int) -> int:
    """The first block that has to run where what goes into block `kept` is known (0: nothing is)."""
    return kept if kept <= unchanged else 0
