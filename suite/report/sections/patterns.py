"""Patterns that hardware knows: what 2:4 and 4:8 cost beside half of the weights anywhere, and what kernels did."""

from __future__ import annotations

from collections.abc import Iterable

from suite.analysis.contests import contest, finished
from suite.analysis.facts import Facts
from suite.analysis.paired import above_one
from suite.analysis.patterns import GROUPED, Grouped, patterns_of
from suite.analysis.values import Claim
from suite.models.catalogue import model_title
from suite.pruning.criteria import criterion_label
from suite.report.claims import contested, timed
from suite.report.format import multiple, times
from suite.report.section import Column, Section, Table

Found = tuple[Grouped, ...]


def find(facts: Facts) -> Found | None:
    return tuple(row for model in facts.models for row in patterns_of(model.cells)) or None


def claims(found: Found) -> Iterable[Claim | None]:
    pairs = finished((row.free, cell) for row in found for cell in row.patterns)
    ran = [row.kernels for row in found if row.kernels and isinstance(row.kernels.decode, float)]
    speeds = [kernels.decode for kernels in ran if isinstance(kernels.decode, float)]
    statement = "Half of the weights anywhere cost less than half of them in a pattern"
    faster = "Kernels for the pattern decode faster than dense ones"
    return (
        contested("patterns_cost", statement, contest(pairs), ratio="the pattern has {} its perplexity"),
        timed("kernels_faster", faster, [above_one(kernels.interval) for kernels in ran], speeds, "model"),
    )


def _columns(_found: Found) -> list[Column[Grouped]]:
    def of(index: int) -> Column[Grouped]:
        return Column(
            GROUPED[index], lambda row: cell.ratio if (cell := row.patterns[index]) else None, multiple, worst=10.0
        )

    return [
        Column("Criterion", lambda row: criterion_label(row.criterion)),
        Column("Part", lambda row: row.what),
        Column("Anywhere", lambda row: row.free.ratio if row.free else None, multiple, worst=10.0),
        *map(of, range(len(GROUPED))),
        Column("Kernels", lambda row: row.kernels.decode if row.kernels else None, times),
    ]


SECTION = Section(
    key="patterns",
    title="Patterns that hardware knows",
    find=find,
    claims=claims,
    tables=(Table("patterns", _columns, lambda found: found, by=lambda row: model_title(row.model)),),
)
