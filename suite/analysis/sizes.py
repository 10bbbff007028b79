"""Do bigger models stand more? Sizes of one architecture, compared at one cell of their blocks or by their cliffs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from suite.analysis.cells import Cell
from suite.analysis.curves import Curve
from suite.analysis.location import comparison
from suite.analysis.models import ModelFacts
from suite.analysis.paired import paired, shared_level
from suite.analysis.values import Bounds, NotMeasured, Number, Verdict
from suite.protocol import TOLERANCE
from suite.records.schema import Interval

UNCERTAIN = NotMeasured("the intervals along the curve do not bound where it crosses the tolerance")


@dataclass(frozen=True, slots=True)
class Member:
    """One size of a family, judged by a cell that all sizes share or by its curve of the blocks."""

    model: ModelFacts
    judged: Cell | Curve

    @property
    def size(self) -> int:
        """Weights of the blocks: what is pruned, and the same whether the head is tied or not."""
        return self.model.cells[0].record.model.block_weights

    @property
    def value(self) -> Number:
        """The perplexity ratio at the shared cell, or the largest sparsity measured within the tolerance."""
        return self.judged.ratio if isinstance(self.judged, Cell) else self.judged.crossing(TOLERANCE).below

    def harm(self, level: float) -> Bounds:
        """The interval of the ratio at the shared cell, or of the share of the blocks that cannot go."""
        if isinstance(self.judged, Cell):
            dense = self.model.dense
            return paired(self.judged, dense, level) if isinstance(dense, Cell) else dense
        found = self.judged.crossing(TOLERANCE)
        if found.certain_below is None:
            return UNCERTAIN
        return Interval(low=1 - (found.certain_above or 1.0), high=1 - found.certain_below)


@dataclass(frozen=True, slots=True)
class Family:
    """The sizes of one architecture, smallest first; `sparsity` is that of the shared cell, None by cliffs."""

    architecture: str
    sparsity: float | None
    members: tuple[Member, ...]

    @property
    def pairs(self) -> tuple[tuple[Member, Member], ...]:
        """Every smaller model with every one of the next size."""
        sizes = [list(group) for _, group in groupby(self.members, key=lambda member: member.size)]
        return tuple((small, large) for less, more in pairwise(sizes) for small in less for large in more)


def families_of(models: Iterable[ModelFacts]) -> tuple[Family, ...]:
    """The architectures of which several sizes were measured alike."""
    families = [_family(list(group)) for _, group in groupby(sorted(models, key=_kin), key=_kin)]
    return tuple(family for family in families if family and family.pairs)


def less_harmed(families: Sequence[Family]) -> tuple[Verdict, ...]:
    """Whether each larger model is harmed less than each of the next smaller size; the error is shared out."""
    level = shared_level(sum(len(family.pairs) for family in families))
    return tuple(_less(large.harm(level), small.harm(level)) for family in families for small, large in family.pairs)


def _kin(model: ModelFacts) -> tuple[str, str, str, int, int, str]:
    """What must be equal for two sizes to be compared: the architecture, and the text they read."""
    record = model.cells[0].record
    asked = record.experiment
    return record.model.architecture, asked.text.name, asked.text.revision, asked.context, asked.windows or 0, asked.bos


def _family(models: Sequence[ModelFacts]) -> Family | None:
    """The family by growing size, compared at the cell of `blocks` that all share, else by their cliffs."""
    shared = comparison(cell for model in models for cell in model.plain if cell.what == "blocks")
    cells = {cell.model: cell for cell in shared.cells} if shared else {}
    cliffs = {model.name: curve for model in models for curve in reversed(model.curves) if _is_cliff(curve)}
    names = {model.name for model in models}
    judged: dict[str, Cell] | dict[str, Curve] = cells if names == set(cells) else cliffs
    if names != set(judged):
        return None
    members = sorted((Member(model, judged[model.name]) for model in models), key=lambda m: (m.size, m.model.name))
    sparsity = shared.sparsity if shared and judged is cells else None
    return Family(models[0].cells[0].record.model.architecture, sparsity, tuple(members))


def _is_cliff(curve: Curve) -> bool:
    return curve.what == "blocks" and curve.criterion != "random" and bool(curve.measured)


def _less(one: Bounds, other: Bounds) -> Verdict:
    """Whether one harm is less than another, by intervals that do not overlap; cliffs may share a measured point."""
    if isinstance(one, NotMeasured) or isinstance(other, NotMeasured):
        return Verdict.UNKNOWN
    if one.high <= other.low:
        return Verdict.HOLDS
    return Verdict.FAILS if one.low >= other.high else Verdict.UNKNOWN
