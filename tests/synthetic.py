"""Studies that no model made: the report's tests need every shape a study can have, at once and in milliseconds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

from suite.manifest.cliff import Known, Search
from suite.records.schema import Record
from tests.invented import SHARE, WEIGHT, experiment, harm, record

__all__ = ["embedded", "experiment", "phase1", "record"]

MODELS = (
    "story-mistral",
    "story-mistral-small",
    "story-mistral-large",
    "story-qwen",
    "story-qwen-tied",
    "story-llama",
    "story-phi",
)


def phase1() -> list[Record]:
    """One model, one short curve."""
    cells = [record(target="all", sparsity=s) for s in (0.5, 0.7, 0.9)]
    return [record(), *cells]


def embedded() -> list[Record]:
    """All three phases in miniature, as `manifests/embedded.yaml` asks for them."""
    return list(_embedded())


@cache
def _embedded() -> tuple[Record, ...]:
    found = {one.id: one for one in (*_grids(), *_searches(), *_equal_budgets())}
    return tuple(found.values())


def _grids() -> Iterator[Record]:
    yield record()
    for s in (0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 0.9):
        yield record(target="all", sparsity=s)
    for s in (0.01, 0.02, 0.05, 0.1, 0.2):
        for seed in (0, 1, 2):
            yield record(target="all", sparsity=s, criterion="random", seed=seed)
    for target in ("attention", "mlp", "early", "late"):
        for s in (0.3, 0.5, 0.7):
            yield record(target=target, sparsity=s)
    yield record(target="embeddings", sparsity=0.3)
    yield record(target="lm_head", sparsity=0.3)
    yield record(target="attention", sparsity=0.9)
    yield record(target="mlp", sparsity=0.9, error="a logit is not finite in window 12; the model is not usable")
    for model in MODELS:
        yield record(model=model)
        yield record(model=model, target="blocks", sparsity=0.5)


def _searches() -> Iterator[Record]:
    """What bisection measures: perplexity alone, at the sparsities that the search itself asks for."""
    asked = [("story-mistral", "all", (1.1, 2.0, 10.0))]
    asked += [("story-mistral", target, (1.1, 2.0)) for target in ("attention", "mlp", "early", "late")]
    asked += [(model, "blocks", (1.1,)) for model in MODELS]
    grid = {one.id: one for one in _grids()}
    for model, target, factors in asked:
        search = Search(experiment(model=model, target=target, measure=("perplexity",)), factors)
        known = Known()
        while (point := search.next(known)) is not None:
            sparsity = point.sparsity
            known.ratios[sparsity] = (
                math.inf if (target, sparsity) == ("mlp", 0.9) else harm(target, sparsity, model=model)
            )
            whole = experiment(model=model, target=target, sparsity=sparsity)
            if whole.id not in grid:
                yield record(model=model, target=target, sparsity=sparsity, measure=("perplexity",))


def _equal_budgets() -> Iterator[Record]:
    for index, model in enumerate(MODELS):
        for target in ("attention", "mlp", "early", "late") + (() if index else ("blocks",)):
            ratio = 1.0 + 0.02 * (1 + index % 3) * WEIGHT[target]
            sparsity = 0.2 / SHARE.get(target, 1.0)
            yield record(model=model, target=target, sparsity=sparsity, budget=0.2, ratio=ratio)
        for target in ("attention", "mlp"):
            for seed in (0, 1, 2):
                draw = {"criterion": "random", "seed": seed, "measure": ("perplexity",)}
                sparsity = 0.05 / SHARE[target]
                ratio = 1.8 + 0.01 * seed + 0.005 * index
                yield record(model=model, target=target, sparsity=sparsity, budget=0.05, ratio=ratio, **draw)
