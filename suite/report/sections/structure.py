"""Taken out, not only zero: what whole neurons and layers cost and buy, beside zeros scattered anywhere."""

from __future__ import annotations

from collections.abc import Iterable

from suite.analysis.contests import contest
from suite.analysis.facts import Facts
from suite.analysis.structure import Smaller, Structure, matched, paces, structure_of
from suite.analysis.values import Claim
from suite.pruning.criteria import criterion_label
from suite.report.claims import contested, timed
from suite.report.figures.structure import structure
from suite.report.format import multiple, num, pct, times
from suite.report.section import Block, Column, Figure, Section, Table

Found = tuple[Structure, ...]
Row = tuple[Structure, Smaller]


def find(facts: Facts) -> Found | None:
    return tuple(one for model in facts.models if (one := structure_of(model))) or None


def claims(found: Found) -> Iterable[Claim | None]:
    statement = "Scattered zeros harm less than neurons or layers taken out of no more weights"
    return (
        timed("structure_faster", "A model that parts were taken out of decodes faster", *paces(found), "cell"),
        contested(
            "scattered_harm_less",
            statement,
            contest(matched(found)),
            ratio="what is taken out leaves {} its perplexity",
        ),
    )


def _columns(_found: Found) -> list[Column[Row]]:
    return [
        Column(
            "What went",
            lambda row: f"{row[1].cell.what} at {pct(row[1].cell.sparsity)}, {criterion_label(row[1].criterion)}",
        ),
        Column("Of all parameters", lambda row: row[1].gone, lambda v: pct(v, 1), short="Of all"),
        Column("Ratio", lambda row: row[1].cell.ratio, multiple, worst=10.0),
        Column("Speed", lambda row: row[1].speed, times),
        Column("Interval", lambda row: row[1].interval, lambda v: num(v, 2)),
        Column("Weights", lambda row: row[1].weights, times),
        Column("Peak", lambda row: row[1].peak, times),
    ]


SECTION = Section(
    key="structure",
    title="Taken out, not only zero",
    find=find,
    claims=claims,
    figures=(
        Figure("structure", lambda axes, found, style: structure(axes, found[0], style), 150.0, table="structure"),
    ),
    tables=(
        Table(
            "structure", _columns, lambda found: [(one, row) for one in found for row in one.rows], lambda r: r[0].model
        ),
    ),
    poster=Block("below", "structure"),
)
