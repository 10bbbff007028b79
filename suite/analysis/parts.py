"""The damage of each part of a network at one place of the study: what a picture of the network shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from suite.analysis.location import ABSENT, HeatTable, Ranking
from suite.analysis.values import Number
from suite.protocol import TOLERANCE
from suite.records.schema import ModelSummary

PARTS = ("embeddings", "early", "late", "lm_head", "attention", "mlp")
PARALLEL = ("Phi",)  # architectures whose attention and MLP stand side by side in a layer
MOST_DAMAGE = 10.0  # beyond it a part is broken, and by how much says little


@dataclass(frozen=True, slots=True)
class Parts:
    """Perplexity ratios to dense where each part of `PARTS` alone was pruned: `sparsity` of its own weights,
    or where that is None the same number of weights from each, `budget` of the blocks'."""

    model: str
    criterion: str
    sparsity: float | None
    budget: float | None
    values: Mapping[str, Number]
    tied: bool  # the head shares the embeddings' table
    parallel: bool  # attention and the MLP read the same input, and not one after the other

    @property
    def measured(self) -> Mapping[str, float]:
        return {part: ratio for part, ratio in self.values.items() if isinstance(ratio, float)}

    @property
    def worst(self) -> float:
        return max(self.measured.values())

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(part for part in self.values if part not in self.measured)


def parts(heat: HeatTable | None, rankings: Sequence[Ranking], model: ModelSummary) -> Parts | None:
    """The parts at the column of the heat table that tells most of them; None unless two parts were measured.

    Columns come before equal budgets, which say nothing of the embeddings and the head and have a figure of their own.
    Of the columns, one in which some part is past the tolerance tells more than one in which nothing happened; then the
    more parts measured and the larger the damage the better, as long as it stays within `MOST_DAMAGE`.
    """
    columns = [_at_sparsity(heat, column, model) for column in range(len(heat.sparsities))] if heat else []
    budgets = [_at_budget(ranking, model) for ranking in rankings if ranking.criterion != "random"]
    return _telling(columns) or _telling(budgets)


def _telling(found: Sequence[Parts]) -> Parts | None:
    return max((one for one in found if len(one.measured) > 1), key=_told, default=None)


def _told(found: Parts) -> tuple[bool, bool, int, float]:
    worst, readable = found.worst, found.worst <= MOST_DAMAGE
    return readable and worst > TOLERANCE, readable, len(found.measured), worst if readable else -worst


def _at_sparsity(heat: HeatTable, column: int, model: ModelSummary) -> Parts:
    rows = {what: values[column] for what, values in heat.rows}
    values = {part: rows.get(part, ABSENT) for part in PARTS}
    return Parts(heat.model, heat.criterion, heat.sparsities[column], None, values, *_shape(model))


def _at_budget(ranking: Ranking, model: ModelSummary) -> Parts:
    cells = {part: ranking.cell(part) for part in PARTS}
    values = {part: cell.ratio if cell else ABSENT for part, cell in cells.items()}
    return Parts(ranking.model, ranking.criterion, None, ranking.budget, values, *_shape(model))


def _shape(model: ModelSummary) -> tuple[bool, bool]:
    return model.tied, model.architecture in PARALLEL
