"""The takeaway: how much of the main model can go, and what that buys and costs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from suite.analysis.cells import Cell
from suite.analysis.models import ModelFacts
from suite.analysis.points import Point
from suite.analysis.speed import SpeedRow
from suite.analysis.values import Bounds, NotMeasured, Number, Verdict, below
from suite.protocol import TOLERANCE


class Answer(StrEnum):
    """How the question "how much can go?" came out."""

    FOUND = "found"  # some of the measured sparsities are within the tolerance, a larger one is not
    BEYOND = "beyond"  # every measured sparsity is within it: the limit was not reached
    NONE = "none"  # even the smallest measured sparsity is past it
    DENSE = "dense"  # no pruned model was measured


@dataclass(frozen=True, slots=True)
class Price:
    """What one pruned model saves and costs, each number measured in that very cell.

    `smaller` is the share of the dense model's file that the compressed one does not need; `memory` what its weights
    take in memory over what the dense model's do; `speed` its decode speed beside the dense model's; `ratio` and
    `interval` its perplexity over the dense model's. `untied` says that a head which shares the embeddings' table got a
    table of its own, which the file then has more than the dense one.
    """

    sparsity: float
    smaller: Number
    memory: Number
    speed: SpeedRow | NotMeasured
    ratio: Number
    interval: Bounds
    untied: bool = False


@dataclass(frozen=True, slots=True)
class Headline:
    """The takeaway: the largest measured sparsity within the tolerance, all smaller ones within it too.

    `within` is that point, `past` the first one beyond the tolerance; each is None where there is none.
    `verdict` says whether the 95 % interval of `within` stays inside the tolerance as well.
    """

    answer: Answer
    model: ModelFacts
    tolerance: float
    within: Point | None
    past: Point | None
    verdict: Verdict
    price: Price | None = None

    @property
    def marked(self) -> tuple[float, ...]:
        """The sparsities on either side of the answer."""
        return tuple(point.sparsity for point in (self.within, self.past) if point)


def headline(model: ModelFacts) -> Headline:
    if model.main is None:
        return Headline(Answer.DENSE, model, TOLERANCE, None, None, Verdict.UNKNOWN)
    within, past = model.main.tolerated(), model.main.beyond()
    if within is None:
        verdict = Verdict.UNKNOWN if past is None else below(past.interval, TOLERANCE)
        return Headline(Answer.NONE, model, TOLERANCE, None, past, verdict)
    answer = Answer.FOUND if past else Answer.BEYOND
    verdict = below(within.interval, TOLERANCE)
    return Headline(answer, model, TOLERANCE, within, past, verdict, _price(model, within))


def _price(model: ModelFacts, within: Point) -> Price:
    """The price at the largest point up to `within` whose file was written; else at `within`, with what is known.

    A search for the crossing measures perplexity alone, so the point it ends at has no file and no speed.
    """
    points = model.main.measured if model.main else ()
    tolerated = [point.cells[0] for point in points if point.sparsity <= within.sparsity]
    written = [cell for cell in tolerated if not isinstance(cell.size, NotMeasured)]
    cell = written[-1] if written else within.cells[0]
    speed = model.speed.row(cell) if model.speed else NotMeasured("no speeds were measured comparably")
    pruning = cell.record.pruning
    untied = pruning is not None and pruning.untied_bytes > 0
    return Price(cell.sparsity, _smaller(cell, model), _memory(cell, model), speed, cell.ratio, cell.interval, untied)


def _smaller(cell: Cell, model: ModelFacts) -> Number:
    """Held against the dense model's own file where that is known: a private copy of a tied head is no part of it."""
    if isinstance(size := cell.size, NotMeasured):
        return size
    dense = model.dense.size if isinstance(model.dense, Cell) else model.dense
    return 1 - size.compressed_bytes / (size if isinstance(dense, NotMeasured) else dense).dense_bytes


def _memory(cell: Cell, model: ModelFacts) -> Number:
    if isinstance(memory := cell.memory, NotMeasured):
        return memory
    dense = model.weights_bytes
    return dense if isinstance(dense, NotMeasured) else memory.weights_bytes / dense
