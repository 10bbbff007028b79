"""Claims and their verdicts. What is claimed is fixed here beforehand; the records decide, or leave it open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from suite.analysis.breaks import Breaks, break_claims
from suite.analysis.curves import Curve
from suite.analysis.location import Ranking
from suite.analysis.models import ModelFacts
from suite.analysis.order import one_over_other_claim, ranking_claim, same_ranking_claim
from suite.analysis.paired import above_one, paired, shared_level, within
from suite.analysis.sizes import bigger_claim
from suite.analysis.speed import welch
from suite.analysis.storage import pruned_beats_smaller_claim
from suite.analysis.values import Claim, NotMeasured, Verdict, below
from suite.protocol import SPEED_LEVEL, SPEED_MARGIN


def claims(models: Sequence[ModelFacts], shared: Sequence[Ranking], breaks: Iterable[Breaks]) -> dict[str, Claim]:
    """Every claim the records can be asked about; a claim nobody measured anything for is left out.

    Args:
        models: the one the reports are about first.
        shared: the equal-budget rankings that claims across models rest on.
    """
    main = models[0]
    found = [
        _beats_random(main.main, main.control),
        _worse_than_guessing(main),
        ranking_claim(next((ranking for ranking in shared if ranking.model == main.name), None)),
        one_over_other_claim("attention_over_mlp", "attention", "mlp", shared),
        one_over_other_claim("early_over_late", "early", "late", shared),
        same_ranking_claim(shared),
        bigger_claim(models),
        pruned_beats_smaller_claim(models),
        *break_claims(breaks),
        _speed_unchanged(models),
    ]
    return {claim.name: claim for claim in found if claim}


def _beats_random(main: Curve | None, control: Curve | None) -> Claim | None:
    """At the largest sparsity both were measured at, the criterion harms less than every random draw."""
    if main is None or control is None:
        return None
    pairs = {p.sparsity: p for p in main.measured}
    shared = [p for p in control.measured if p.sparsity in pairs]
    if not shared:
        return None
    random, chosen = shared[-1], pairs[shared[-1].sparsity]
    level = shared_level(len(random.measured))
    verdicts = {above_one(paired(draw, chosen.cells[0], level)) for draw in random.measured}
    verdict = verdicts.pop() if len(verdicts) == 1 else Verdict.UNKNOWN
    values = {"sparsity": chosen.sparsity, "criterion": main.criterion, "chosen": chosen.ratio, "random": random.ratio}
    return Claim("beats_random", verdict, {**values, "seeds": len(random.measured)})


def _worse_than_guessing(model: ModelFacts) -> Claim | None:
    """At the largest measured sparsity, the pruned model predicts worse than the unigram model."""
    if model.main is None or not model.main.measured:
        return None
    point = model.main.measured[-1]
    if isinstance(quality := point.measured[0].quality, NotMeasured):
        return None
    better = below(point.interval, quality.unigram / (quality.value / quality.ratio_to_dense))
    verdict = {Verdict.HOLDS: Verdict.FAILS, Verdict.FAILS: Verdict.HOLDS}.get(better, Verdict.UNKNOWN)
    values = {"sparsity": point.sparsity, "perplexity": quality.value, "unigram": quality.unigram}
    return Claim("worse_than_unigram", verdict, {**values, "uniform": quality.uniform})


def _speed_unchanged(models: Iterable[ModelFacts]) -> Claim | None:
    """Scattered zeros leave decode speed where it was, within the margin, in every cell compared.

    To hold, every cell must be equal; to fail, one must differ at a level shared out among them all.
    """
    tables = [model.speed for model in models if model.speed]
    if not tables:
        return None
    rows = [row for table in tables for row in table.pruned]
    relative = [row.relative for row in rows]
    counts = {v.name.lower(): sum(row.unchanged is v for row in rows) for v in Verdict}
    values = {"margin": SPEED_MARGIN, "cells": len(rows), "low": min(relative), "high": max(relative), **counts}
    level = 1 - (1 - SPEED_LEVEL) / len(rows)
    differs = any(within(welch(row.decode, row.base, level), SPEED_MARGIN) is Verdict.FAILS for row in rows)
    holds = all(row.unchanged is Verdict.HOLDS for row in rows)
    verdict = Verdict.FAILS if differs else Verdict.HOLDS if holds else Verdict.UNKNOWN
    return Claim("speed_unchanged", verdict, values)
