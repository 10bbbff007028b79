"""What breaks, not only how much: which kinds of words are lost with the attention and which with the MLP.

The two are compared at equal damage: where pruning each has brought perplexity nearest to twice the dense one. At equal
budget one part may lose next to nothing, and then nothing can be said of what it loses first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from suite.analysis.cells import Cell
from suite.analysis.models import ModelFacts
from suite.analysis.values import NotMeasured
from suite.protocol import DAMAGE, DAMAGE_RANGE
from suite.pruning.criteria import criterion_rank
from suite.records.schema import Perplexity

KINDS = ("recall", "fact", "agreement", "free")
PARTS = ("attention", "mlp")
ByKind = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Loss:
    """One model, nats a word by kind: the dense model's excess over the grammar's floor, and each part's added loss."""

    model: str
    seeds: int  # averaged over, where the weights were drawn at random
    dense: ByKind
    added: Mapping[str, ByKind]  # by the part that was pruned
    ratios: Mapping[str, float]  # the perplexity over the dense one that each part's pruning led to

    def contrast(self, part: str) -> float:
        """Recall's added loss less fact's, over their sum: 1 where only recall suffers from pruning this part, -1 where
        only fact does. A share, so that unequal damage does not decide it."""
        recall, fact = (max(self.added[part][kind], 0.0) for kind in ("recall", "fact"))
        return (recall - fact) / (recall + fact) if recall + fact else 0.0


@dataclass(frozen=True, slots=True)
class Breaks:
    """The models harmed alike by pruning their attention and by pruning their MLP, under one criterion."""

    criterion: str
    losses: tuple[Loss, ...]
    damage: float = DAMAGE

    @property
    def ratios(self) -> tuple[float, float]:
        """The smallest and the largest damage among them."""
        found = [ratio for loss in self.losses for ratio in loss.ratios.values()]
        return min(found), max(found)

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(kind for kind in KINDS if all(kind in loss.dense for loss in self.losses))

    @property
    def seeds(self) -> int:
        return min(loss.seeds for loss in self.losses)


# What is claimed of every model's losses: each is positive where the claim is true of the model.
STATEMENTS: Mapping[str, Callable[[Loss], float]] = {
    "attention_breaks_recall": lambda loss: loss.contrast("attention"),
    "mlp_breaks_fact": lambda loss: -loss.contrast("mlp"),
    "parts_break_apart": lambda loss: loss.contrast("attention") - loss.contrast("mlp"),
}


def breaks_of(models: Sequence[ModelFacts]) -> tuple[Breaks, ...]:
    """One for the first criterion that has any, and one for random removal.

    A model that was measured on several texts or contexts counts once.
    """
    once: dict[str, ModelFacts] = {}
    for model in models:
        once.setdefault(model.cells[0].experiment.model, model)
    criteria = {c.experiment.criterion for model in once.values() for c in model.plain if c.what in PARTS}
    chosen = sorted(criteria - {"random"}, key=criterion_rank)[:1]
    found = []
    for criterion in (*chosen, "random"):
        losses = (_loss(model, criterion) for model in once.values())
        if there := tuple(loss for loss in losses if loss):
            found.append(Breaks(criterion, there))
    return tuple(found)


def _loss(model: ModelFacts, criterion: str) -> Loss | None:
    """None unless the dense model and both parts were measured by kind of word, near enough to the damage wanted."""
    dense = _by_kind(model.dense)
    if dense is None:
        return None
    found = {part: _nearest(model, criterion, part) for part in PARTS}
    if not all(found.values()):
        return None
    floor, base = dense.floor_by_kind or {}, dense.by_kind or {}
    measured = [set(base), *(set(q.by_kind or {}) for part in PARTS for q in found[part])]
    kinds = [kind for kind in KINDS if all(kind in one for one in measured)]
    added = {
        part: {kind: fmean((q.by_kind or {})[kind] - base[kind] for q in found[part]) for kind in kinds}
        for part in PARTS
    }
    ratios = {part: _mean_ratio(found[part]) for part in PARTS}
    seeds = min(len(found[part]) for part in PARTS)
    return Loss(model.name, seeds, {kind: base[kind] - floor[kind] for kind in kinds}, added, ratios)


def _nearest(model: ModelFacts, criterion: str, part: str) -> list[Perplexity]:
    """The seeds of the sparsity whose damage is nearest to the one wanted; empty where none is near enough."""
    by_sparsity: dict[float, list[Perplexity]] = {}
    for cell in model.plain:
        if cell.what == part and cell.experiment.criterion == criterion and (quality := _by_kind(cell)):
            by_sparsity.setdefault(cell.sparsity, []).append(quality)
    least, most = DAMAGE_RANGE
    near = [found for found in by_sparsity.values() if least <= _mean_ratio(found) <= most]
    return min(near, key=lambda found: abs(math.log(_mean_ratio(found) / DAMAGE)), default=[])


def _mean_ratio(found: Iterable[Perplexity]) -> float:
    return math.exp(fmean(math.log(quality.ratio_to_dense) for quality in found))


def _by_kind(cell: Cell | NotMeasured) -> Perplexity | None:
    quality = cell if isinstance(cell, NotMeasured) else cell.quality
    if isinstance(quality, NotMeasured) or not quality.by_kind or not quality.floor_by_kind:
        return None
    return quality if {"recall", "fact"} <= set(quality.by_kind) else None
