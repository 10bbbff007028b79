"""What is forgotten first: the loss by kind of word along a curve."""

from __future__ import annotations

from dataclasses import dataclass

from suite.analysis.cells import Cell
from suite.analysis.curves import Curve
from suite.analysis.values import NotMeasured, Number
from suite.protocol import CLEAR_LOSS
from suite.records.schema import Perplexity


@dataclass(frozen=True, slots=True)
class KindTable:
    """Nats above the grammar's own score by kind of word, sparsity by sparsity (0.0 is the dense model).

    Where the text has no grammar, `over_floor` is false and the values are the mean losses themselves.
    """

    sparsities: tuple[float, ...]
    rows: tuple[tuple[str, tuple[Number, ...]], ...]
    over_floor: bool

    @property
    def first(self) -> tuple[str, float] | None:
        """The kind that lost most between the dense model and the first pruned one where any lost clearly."""
        for column in range(1, len(self.sparsities)):
            losses: dict[str, float] = {}
            for kind, values in self.rows:
                before, after = values[0], values[column]
                if isinstance(before, float) and isinstance(after, float):
                    losses[kind] = after - before
            if losses and max(losses.values()) >= CLEAR_LOSS:
                return max(losses, key=lambda kind: losses[kind]), self.sparsities[column]
        return None


def kind_table(dense: Cell | NotMeasured, main: Curve | None) -> KindTable | None:
    """None unless the dense model and a pruned one were measured by kind of word."""
    cells = [dense] if isinstance(dense, Cell) else []
    cells += [point.cells[0] for point in (main.coarse if main else ())]
    qualities = [(cell.sparsity, q) for cell in cells if not isinstance(q := cell.quality, NotMeasured) and q.by_kind]
    if len(qualities) < 2:
        return None
    over_floor = all(q.floor_by_kind for _, q in qualities)
    names = list(dict.fromkeys(kind for _, q in qualities for kind in q.by_kind or {}))

    def value(quality: Perplexity, kind: str) -> Number:
        loss = (quality.by_kind or {}).get(kind)
        floor = (quality.floor_by_kind or {}).get(kind, 0.0) if over_floor else 0.0
        return NotMeasured("no such word in this text") if loss is None else loss - floor

    rows = tuple((kind, tuple(value(q, kind) for _, q in qualities)) for kind in sorted(names))
    return KindTable(tuple(s for s, _ in qualities), rows, over_floor)
