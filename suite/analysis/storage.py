"""Is a large model pruned better than a small one left dense? Perplexity against the bytes of each one's file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from suite.analysis.cells import Cell
from suite.analysis.models import ModelFacts
from suite.analysis.order import OPPOSITE
from suite.analysis.paired import above_one, paired_models, same_windows, shared_level
from suite.analysis.values import Bounds, NotMeasured, Verdict


@dataclass(frozen=True, slots=True)
class Stored:
    """A model as it is kept: the bytes of its file, and what it predicts.

    A pruned tensor is kept as a bitmap and its surviving values (rule 19), a dense model whole.
    """

    cell: Cell
    bytes: float
    perplexity: float

    @property
    def model(self) -> str:
        return self.cell.model

    @property
    def sparsity(self) -> float:
        return self.cell.sparsity


@dataclass(frozen=True, slots=True)
class PrunedPath:
    """One model from dense to the most pruned, every cell of it whose file was written, by falling size."""

    model: str
    dense: Stored
    pruned: tuple[Stored, ...]

    @property
    def architecture(self) -> str:
        return self.dense.cell.record.model.architecture


@dataclass(frozen=True, slots=True)
class Storage:
    """The main model's curve, and beside it the models whose perplexities may be held against its own."""

    criterion: str
    what: str
    main: PrunedPath
    others: tuple[PrunedPath, ...]  # by falling size


@dataclass(frozen=True, slots=True)
class Match:
    """A dense model, and the best pruned cell of a larger one of its architecture whose file is no larger.

    `ratio` is the perplexity of the pruned model over the dense one's, by their windows; `better` whether the pruned
    one predicts better.
    """

    dense: Stored
    pruned: Stored
    ratio: Bounds
    better: Verdict


def storage(models: Sequence[ModelFacts]) -> Storage | None:
    """None unless the file of a pruned model of the main curve was written.

    Args:
        models: the one the reports are about first.
    """
    main, curve = models[0], models[0].main
    dense = _dense(main)
    if curve is None or dense is None:
        return None
    path = _path(dense, [point.cells[0] for point in curve.points])
    if not path.pruned:
        return None
    others = []
    for model in models[1:]:
        if (found := _dense(model)) and same_windows(dense.cell, found.cell):
            others.append(_path(found, _pruned(model)))
    return Storage(curve.criterion, curve.what, path, tuple(sorted(others, key=lambda o: (-o.dense.bytes, o.model))))


def matches_of(models: Iterable[ModelFacts]) -> tuple[Match, ...]:
    """Every dense model beside the best pruned cell of a larger one of its architecture whose file is no larger.

    The best of the pruned cells is chosen on the windows it is judged by, which favours pruning a little. The pair of
    the largest files comes first.
    """
    pairs: list[tuple[Stored, Stored]] = []
    for _, group in groupby(sorted(models, key=_architecture), key=_architecture):
        family = [(model, dense) for model in group if (dense := _dense(model))]
        for large, large_dense in family:
            for _, small in family:
                if not _larger(large_dense, small) or not same_windows(large_dense.cell, small.cell):
                    continue
                fitting = [cell for cell in _path(large_dense, _pruned(large)).pruned if cell.bytes <= small.bytes]
                if fitting:
                    pairs.append((small, min(fitting, key=lambda stored: (stored.perplexity, stored.bytes))))
    level = shared_level(len(pairs))
    return tuple(sorted((_match(*pair, level) for pair in pairs), key=lambda m: (-m.dense.bytes, m.pruned.model)))


def _larger(one: Stored, other: Stored) -> bool:
    """By its file and by the weights of its blocks: a head that is tied makes no smaller model."""
    blocks = [stored.cell.record.model.block_weights for stored in (one, other)]
    return one.bytes > other.bytes and blocks[0] > blocks[1]


def _pruned(model: ModelFacts) -> list[Cell]:
    return [cell for cell in model.plain if not cell.experiment.dense]


def _match(dense: Stored, pruned: Stored, level: float) -> Match:
    ratio = paired_models(pruned.cell, dense.cell, level)
    return Match(dense, pruned, ratio, OPPOSITE[above_one(ratio)])


def _architecture(model: ModelFacts) -> str:
    return model.cells[0].record.model.architecture


def _dense(model: ModelFacts) -> Stored | None:
    """The dense model's file is known from any record that wrote one: a pruned one's says what it would take whole."""
    if isinstance(model.dense, NotMeasured) or isinstance(perplexity := model.dense.perplexity, NotMeasured):
        return None
    sizes = [size for cell in model.plain if not isinstance(size := cell.size, NotMeasured)]
    return Stored(model.dense, float(sizes[0].dense_bytes), perplexity) if sizes else None


def _path(dense: Stored, cells: Iterable[Cell]) -> PrunedPath:
    known = [(cell, cell.stored_bytes, cell.perplexity) for cell in cells]
    pruned = [Stored(cell, b, p) for cell, b, p in known if isinstance(b, float) and isinstance(p, float)]
    return PrunedPath(dense.model, dense, tuple(sorted(pruned, key=lambda stored: (-stored.bytes, stored.cell.order))))
