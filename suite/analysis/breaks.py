"""What breaks, not only how much: which kinds of words are lost with the attention and which with the MLP."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from scipy.special import stdtrit

from suite.analysis.cells import Cell
from suite.analysis.models import ModelFacts
from suite.analysis.paired import shared_level
from suite.analysis.values import Bounds, Claim, NotMeasured, Verdict
from suite.records.schema import Interval, Perplexity

KINDS = ("recall", "fact", "agreement", "free")
PARTS = ("attention", "mlp")
FEWEST_MODELS = 3  # with fewer, models' differences have no interval worth the name
TOO_FEW = NotMeasured("fewer models than an interval over models needs")
ByKind = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Loss:
    """One model, nats a word by kind: the dense model's excess over the grammar's floor, and each part's added loss."""

    model: str
    seeds: int  # averaged over, where the weights were drawn at random
    dense: ByKind
    added: Mapping[str, ByKind]  # by the part that was pruned

    def gap(self, part: str) -> float:
        """How much more recall loses than fact, when this part is pruned."""
        return self.added[part]["recall"] - self.added[part]["fact"]


@dataclass(frozen=True, slots=True)
class Breaks:
    """The models whose attention and MLP lost the same number of weights, under one criterion."""

    criterion: str
    budget: float
    losses: tuple[Loss, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(kind for kind in KINDS if all(kind in loss.dense for loss in self.losses))

    @property
    def seeds(self) -> int:
        return min(loss.seeds for loss in self.losses)


# What is claimed of every model's losses: each is positive where the claim is true of the model.
STATEMENTS: Mapping[str, Callable[[Loss], float]] = {
    "attention_breaks_recall": lambda loss: loss.gap("attention"),
    "mlp_breaks_fact": lambda loss: -loss.gap("mlp"),
    "parts_break_apart": lambda loss: loss.gap("attention") - loss.gap("mlp"),
}


def breaks_of(models: Sequence[ModelFacts]) -> tuple[Breaks, ...]:
    """One for each criterion, at the budget that most models share (the smaller of equals).

    A model that was measured on several texts or contexts counts once.
    """
    once: dict[str, ModelFacts] = {}
    for model in models:
        once.setdefault(model.cells[0].experiment.model, model)
    cells = [cell for model in once.values() for cell in model.cells if cell.experiment.budget]
    cells = [cell for cell in cells if cell.what in PARTS]
    found = []
    for criterion in dict.fromkeys(cell.experiment.criterion for cell in cells):
        options: dict[float, tuple[Loss, ...]] = {}
        for budget in sorted({c.experiment.budget or 0.0 for c in cells if c.experiment.criterion == criterion}):
            losses = (_loss(model, criterion, budget) for model in once.values())
            options[budget] = tuple(loss for loss in losses if loss)
        best = max(options, key=lambda budget: (len(options[budget]), -budget))
        if options[best]:
            found.append(Breaks(criterion, best, options[best]))
    return tuple(sorted(found, key=lambda one: (one.criterion == "random", one.criterion)))


def break_claims(found: Iterable[Breaks]) -> tuple[Claim, ...]:
    """The three statements for each criterion, by t-intervals over the models' differences."""
    claims = []
    for breaks in found:
        for name, difference in STATEMENTS.items():
            values = [difference(loss) for loss in breaks.losses]
            interval = mean_over_models(values, shared_level(len(STATEMENTS)))
            verdict = Verdict.UNKNOWN
            if isinstance(interval, Interval) and not interval.low <= 0 <= interval.high:
                verdict = Verdict.HOLDS if interval.low > 0 else Verdict.FAILS
            facts = {"criterion": breaks.criterion, "budget": breaks.budget, "mean": fmean(values)}
            facts |= {"interval": interval, "models": len(values), "seeds": breaks.seeds}
            claims.append(Claim(f"{name}{'_random' if breaks.criterion == 'random' else ''}", verdict, facts))
    return tuple(claims)


def mean_over_models(values: Sequence[float], level: float) -> Bounds:
    """The t-interval of the mean of models' differences (n - 1 degrees of freedom)."""
    if len(values) < FEWEST_MODELS:
        return TOO_FEW
    half = float(stdtrit(len(values) - 1, (1 + level) / 2)) * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    middle = fmean(values)
    return Interval(low=middle - half, high=middle + half, level=level)


def _loss(model: ModelFacts, criterion: str, budget: float) -> Loss | None:
    """None unless the dense model and both parts were measured by kind of word."""
    dense = _by_kind(model.dense)
    if dense is None:
        return None
    floor, base = dense.floor_by_kind or {}, dense.by_kind or {}
    kinds = [kind for kind in KINDS if kind in base]
    added: dict[str, ByKind] = {}
    seeds: Counter[str] = Counter()
    for part in PARTS:
        pruned = [cell for cell in model.cells if cell.what == part and cell.experiment.budget == budget]
        found = [q.by_kind or {} for c in pruned if c.experiment.criterion == criterion and (q := _by_kind(c))]
        if not found:
            return None
        seeds[part] = len(found)
        added[part] = {kind: fmean(losses[kind] - base[kind] for losses in found) for kind in kinds}
    return Loss(model.name, min(seeds.values()), {kind: base[kind] - floor[kind] for kind in kinds}, added)


def _by_kind(cell: Cell | NotMeasured) -> Perplexity | None:
    quality = cell if isinstance(cell, NotMeasured) else cell.quality
    if isinstance(quality, NotMeasured) or not quality.by_kind or not quality.floor_by_kind:
        return None
    return quality if {"recall", "fact"} <= set(quality.by_kind) else None
