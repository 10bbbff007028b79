"""What is forgotten first: the loss by kind of word along the first model's curve."""

from __future__ import annotations

from dataclasses import dataclass

from suite.analysis.facts import Facts
from suite.analysis.kinds import KindTable
from suite.analysis.values import Number
from suite.report.figures.lines import kinds
from suite.report.format import num, pct
from suite.report.section import Block, Column, Figure, Section, Table

Row = tuple[str, tuple[Number, ...]]


@dataclass(frozen=True, slots=True)
class Forgotten:
    model: str
    kinds: KindTable


def find(facts: Facts) -> Forgotten | None:
    if not facts.models or facts.main.kinds is None:
        return None
    return Forgotten(facts.main.name, facts.main.kinds)


def _columns(found: Forgotten) -> list[Column[Row]]:
    def at(index: int) -> Column[Row]:
        return Column(pct(found.kinds.sparsities[index]), lambda row: row[1][index], lambda v: num(v, 2))

    return [Column("Kind", lambda row: row[0]), *map(at, _spread(len(found.kinds.sparsities), 8))]


def _spread(count: int, most: int) -> list[int]:
    """At most so many of `count` columns, evenly from the first to the last."""
    return list(range(count)) if count <= most else sorted({round(i * (count - 1) / (most - 1)) for i in range(most)})


SECTION = Section(
    key="forgotten",
    title="What is forgotten first?",
    find=find,
    figures=(
        Figure("kinds", lambda axes, found, style: kinds(axes, found.kinds, style), 132.0, table="kinds", paper=False),
    ),
    tables=(Table("kinds", _columns, lambda found: found.kinds.rows),),
    poster=Block("below", "kinds"),
)
