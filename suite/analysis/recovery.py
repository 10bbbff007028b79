"""Recovery: how much of what pruning broke comes back when the model is trained a little, its mask held.

The dense model is trained as long on the same text, as some of what comes back is the text and not the model.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from suite.analysis.cells import Cell
from suite.analysis.contests import finished
from suite.analysis.paired import paired
from suite.analysis.partners import Places, place, places
from suite.analysis.values import Bounds, NotMeasured, Number
from suite.pruning.criteria import criterion_rank
from suite.records.schema import Recovered
from suite.records.wording import treated

NO_BEFORE = NotMeasured("the same cell without recovery was not measured")
NO_DENSE = NotMeasured("the dense model was not trained as long")


@dataclass(frozen=True, slots=True)
class Regained:
    """One cell after so many `tokens` of training; `before` is the same one pruned and not trained.

    `share` is that of the lost loss, in nats over the dense model trained as long, that came back: 1 is all of it.
    `beside` is the interval of its perplexity over that of the dense model trained as long.
    """

    after: Cell
    before: Cell | NotMeasured
    dense: Cell | NotMeasured
    share: Number
    beside: Bounds

    @property
    def tokens(self) -> int:
        asked = self.after.experiment.recovery
        return asked.tokens if asked else 0

    @property
    def over_dense(self) -> Number:
        """The perplexity over that of the dense model trained as long."""
        if isinstance(self.dense, NotMeasured):
            return self.dense
        ours, theirs = self.after.perplexity, self.dense.perplexity
        if isinstance(ours, NotMeasured):
            return ours
        return theirs if isinstance(theirs, NotMeasured) else ours / theirs

    @property
    def learnt(self) -> Recovered | NotMeasured:
        return self.after.record.recovered or NotMeasured("the course of the training was not recorded")


@dataclass(frozen=True, slots=True)
class Recoveries:
    """One way of pruning one target of a model at one sparsity, by growing budget of training tokens."""

    model: str
    criterion: str
    what: str
    sparsity: float
    rows: tuple[Regained, ...]

    @property
    def most(self) -> Regained:
        """After the longest training."""
        return self.rows[-1]


def recoveries_of(dense: Cell | NotMeasured, cells: Iterable[Cell]) -> tuple[Recoveries, ...]:
    """One for each cell that was trained, by criterion and sparsity; the first seed stands for a random mask."""
    found = tuple(cells)
    known = places(found)
    groups: dict[tuple[str, str, float], dict[int, Regained]] = {}
    for cell in found:
        e = cell.experiment
        if e.recovery and e.baseline_precision is None and not e.unpruned and cell.done:
            key = e.criterion, what_went(cell), e.sparsity
            groups.setdefault(key, {}).setdefault(e.recovery.tokens, _regained(cell, dense, known))
    order = sorted(groups, key=lambda key: (key[1], key[2], criterion_rank(key[0])))
    model = found[0].model if found else ""
    return tuple(Recoveries(model, *key, tuple(groups[key][t] for t in sorted(groups[key]))) for key in order)


def courses_of(found: Sequence[Recoveries]) -> tuple[Recoveries, ...]:
    """The criteria side by side at one sparsity of one model: that of the first model which most of them were trained
    at, of equals the largest; as long as each other, the course of each known."""
    known = [one for one in found if isinstance(one.most.learnt, Recovered)]
    groups: dict[tuple[str, float], list[Recoveries]] = {}
    for one in known:
        if one.model == known[0].model:
            groups.setdefault((one.what, one.sparsity), []).append(one)
    best = max(groups, key=lambda key: (len(groups[key]), key[1], key[0]), default=None)
    longest = max((one.most.tokens for one in groups[best]), default=0) if best else 0
    return tuple(one for one in groups[best] if one.most.tokens == longest) if best else ()


def trained_dense(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """The dense model, trained and not pruned, by growing budget."""
    found = [
        c for c in cells if c.experiment.unpruned and c.experiment.recovery and not c.experiment.baseline_precision
    ]
    return tuple(sorted((c for c in found if c.done), key=lambda c: c.experiment.recovery.tokens))  # type: ignore[union-attr]


def what_went(cell: Cell) -> str:
    """The pruned weights, as the cell names them without its recovery."""
    return treated(cell.experiment.model_copy(update={"recovery": None}))


def against_random(found: Sequence[Recoveries]) -> list[tuple[Cell, Cell]]:
    """Each chosen mask with the random one of the same sparsity, both after the longest training."""
    random = {
        (one.model, one.what, one.sparsity, one.most.tokens): one.most for one in found if one.criterion == "random"
    }
    chosen = [one for one in found if one.criterion != "random"]
    keys = [(one.model, one.what, one.sparsity, one.most.tokens) for one in chosen]
    return finished(
        (one.most.after, random[key].after if key in random else None) for one, key in zip(chosen, keys, strict=True)
    )


def _regained(cell: Cell, dense: Cell | NotMeasured, known: Places) -> Regained:
    e = cell.experiment
    before = known.get(place(e, recovery=None)) or NO_BEFORE
    trained: Cell | NotMeasured = dense
    if isinstance(dense, Cell):
        trained = known.get(place(dense.experiment, recovery=e.recovery)) or NO_DENSE
    beside: Bounds = trained if isinstance(trained, NotMeasured) else paired(cell, trained)
    return Regained(cell, before, trained, _share(cell, before, trained), beside)


def _share(after: Cell, before: Cell | NotMeasured, dense: Cell | NotMeasured) -> Number:
    """(before - after) / (before - dense), in nats."""
    if isinstance(before, NotMeasured):
        return before
    if isinstance(dense, NotMeasured):
        return dense
    losses = [math.log(p) for cell in (before, after, dense) if isinstance(p := cell.perplexity, float)]
    if len(losses) < 3:
        return after.missing
    if losses[0] <= losses[2]:
        return NotMeasured("pruning had done no harm that could come back")
    return (losses[0] - losses[1]) / (losses[0] - losses[2])
