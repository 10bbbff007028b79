"""Where the weights that matter live: damage by target, at equal sparsity and at equal budget."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from suite.analysis.cells import Cell
from suite.analysis.curves import Curve
from suite.analysis.points import coarse
from suite.analysis.values import NotMeasured, Number
from suite.models.anatomy import TARGETS
from suite.pruning.criteria import criterion_rank

ABSENT = NotMeasured("not part of the study")


@dataclass(frozen=True, slots=True)
class HeatTable:
    """Perplexity ratios to dense, target by sparsity, of one model and one criterion."""

    model: str
    criterion: str
    sparsities: tuple[float, ...]
    rows: tuple[tuple[str, tuple[Number, ...]], ...]

    @property
    def worst(self) -> float:
        return max((v for _, values in self.rows for v in values if isinstance(v, float)), default=1.0)

    def last(self, columns: int) -> HeatTable:
        """The same at its largest sparsities, so many at most and at least one."""
        kept = max(len(self.sparsities) - max(columns, 1), 0)
        return replace(
            self, sparsities=self.sparsities[kept:], rows=tuple((what, values[kept:]) for what, values in self.rows)
        )


def heat_table(curves: Iterable[Curve], columns: int = 9) -> HeatTable | None:
    """The targets of one model side by side; None unless there are two of them under one criterion.

    Columns are the sparsities that at least two targets were pruned to (all, where no two share one), at most
    `columns` of them, the most shared first, and of equals the coarse ones (a search adds others).
    """
    chosen = [curve for curve in curves if curve.criterion != "random"]
    criterion = min({curve.criterion for curve in chosen}, key=criterion_rank, default=None)
    chosen = [curve for curve in chosen if curve.criterion == criterion]
    if criterion is None or len(chosen) < 2:
        return None
    counts = Counter(point.sparsity for curve in chosen for point in curve.points)
    shared = {s: n for s, n in counts.items() if n > 1} or counts
    plain = coarse(shared)
    kept = sorted(sorted(shared, key=lambda s: (-shared[s], s not in plain, s))[:columns])
    rows = []
    for curve in chosen:
        values = {point.sparsity: point.ratio for point in curve.points}
        rows.append((curve.what, tuple(values.get(s, ABSENT) for s in kept)))
    if not any(isinstance(value, float) for _, values in rows for value in values):
        return None
    return HeatTable(chosen[0].model, criterion, tuple(kept), tuple(rows))


@dataclass(frozen=True, slots=True)
class Ranking:
    """Targets of one model that each lost the same number of weights, most harmed first, unmeasured ones last."""

    model: str
    criterion: str
    budget: float
    cells: tuple[Cell, ...]

    def cell(self, what: str) -> Cell | None:
        return next((cell for cell in self.cells if cell.what == what), None)

    @property
    def parts(self) -> tuple[Cell, ...]:
        """The cells of true parts of the blocks: `blocks` and `all` spread the budget over everything."""
        return tuple(cell for cell in self.cells if cell.what not in ("all", "blocks"))


def rankings(cells: Iterable[Cell]) -> tuple[Ranking, ...]:
    """The equal-budget rankings of one model's cells, by criterion and growing budget."""

    def name(cell: Cell) -> tuple[str, float]:
        return cell.experiment.criterion, cell.experiment.budget or 0.0

    chosen = sorted((cell for cell in cells if cell.experiment.budget is not None), key=name)
    found = []
    for (criterion, budget), group in groupby(chosen, key=name):
        one_seed = {cell.what: cell for cell in reversed(list(group))}  # the first seed stands for the target
        if sum(isinstance(cell.ratio, float) for cell in one_seed.values()) > 1:
            members = tuple(sorted(one_seed.values(), key=_harm))
            found.append(Ranking(members[0].model, criterion, budget, members))
    return tuple(found)


def _harm(cell: Cell) -> tuple[float, str]:
    return (-cell.ratio if isinstance(cell.ratio, float) else 0.0, cell.what)


def _gain(cell: Cell) -> tuple[float, str]:
    return (cell.ratio if isinstance(cell.ratio, float) else math.inf, cell.model)


def shared_rankings(found: Sequence[Ranking]) -> tuple[Ranking, ...]:
    """The rankings of all models at the one criterion and budget that most of them share (the smaller of equals)."""
    keys = Counter((ranking.criterion, ranking.budget) for ranking in found if ranking.criterion != "random")
    if not keys:
        return ()
    best = min(keys, key=lambda key: (-keys[key], criterion_rank(key[0]), key[1]))
    return tuple(ranking for ranking in found if (ranking.criterion, ranking.budget) == best)


def ranked_targets(found: Sequence[Ranking]) -> tuple[str, ...]:
    """Every target of the rankings, in the suite's own order."""
    names = {cell.what for ranking in found for cell in ranking.cells}
    return tuple(sorted(names, key=lambda what: (TARGETS.index(what) if what in TARGETS else len(TARGETS), what)))


@dataclass(frozen=True, slots=True)
class Comparison:
    """One cell measured in several models: the same criterion, target and sparsity; least harmed first."""

    criterion: str
    what: str
    sparsity: float
    cells: tuple[Cell, ...]


def comparison(cells: Iterable[Cell]) -> Comparison | None:
    """The cell most models share; of equals magnitude's, `blocks`, as claims across models use it, and nearest to half.

    A budget spread over all the blocks is a sparsity of `blocks`, so those cells count too.
    """
    places: dict[tuple[str, str, float], dict[str, Cell]] = {}
    for cell in cells:
        e = cell.experiment
        if e.criterion not in ("none", "random") and (e.budget is None or e.target == "blocks"):
            models = places.setdefault((e.criterion, cell.what, round(e.sparsity, 6)), {})
            models.setdefault(cell.model, cell)
    shared = {
        place: tuple(models.values())
        for place, models in places.items()
        if sum(isinstance(cell.ratio, float) for cell in models.values()) > 1
    }
    if not shared:
        return None
    place = min(
        shared, key=lambda p: (-len(shared[p]), criterion_rank(p[0]), p[1] != "blocks", p[1] != "all", -_kept(p[2]), p)
    )
    return Comparison(*place, cells=tuple(sorted(shared[place], key=_gain)))


def _kept(sparsity: float) -> float:
    """Half-pruned models say the most: distance from one half, nearer is better."""
    return -abs(sparsity - 0.5)
