"""The targets of every model side by side, at the sparsities that most of them share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from suite.analysis.curves import Curve
from suite.analysis.location import ABSENT
from suite.analysis.models import ModelFacts
from suite.analysis.points import coarse
from suite.analysis.values import Number


@dataclass(frozen=True, slots=True)
class TargetTable:
    """Perplexity ratios to dense: for each model its targets, each with a value for every sparsity."""

    criterion: str
    sparsities: tuple[float, ...]
    models: tuple[tuple[str, tuple[tuple[str, tuple[Number, ...]], ...]], ...]
    worst: float


def target_table(models: Iterable[ModelFacts], columns: int = 9) -> TargetTable | None:
    """The models that have several targets under the criterion of the first of them; None where none has.

    At most so many `columns`: the sparsities most curves have, of equals the coarse ones (a search adds others).
    """
    chosen = [model for model in models if model.heat]
    if not chosen or chosen[0].heat is None:
        return None
    criterion = chosen[0].heat.criterion
    lines = {m.name: [c for c in m.curves if c.criterion == criterion] for m in chosen}
    lines = {name: curves for name, curves in lines.items() if len(curves) > 1}
    counts = Counter(point.sparsity for curves in lines.values() for curve in curves for point in curve.points)
    plain = coarse(counts)
    kept = tuple(sorted(sorted(counts, key=lambda s: (s not in plain, -counts[s], s))[:columns]))
    rows = tuple((name, tuple((c.what, _values(c, kept)) for c in curves)) for name, curves in lines.items())
    found = [value for _, own in rows for _, values in own for value in values if isinstance(value, float)]
    return TargetTable(criterion, kept, rows, max(found, default=1.0)) if found else None


def _values(curve: Curve, sparsities: Iterable[float]) -> tuple[Number, ...]:
    values = {point.sparsity: point.ratio for point in curve.points}
    return tuple(values.get(sparsity, ABSENT) for sparsity in sparsities)
