"""Prune and quantise? Whether the damage of pruning and of rounding adds up."""

from __future__ import annotations

from collections.abc import Iterable

from suite.analysis.facts import Facts
from suite.analysis.precision import EVEN, LESS, MORE, OPEN, Rounding, Together, roundings_of
from suite.analysis.values import Claim, NotMeasured, everywhere
from suite.models.catalogue import model_title
from suite.protocol import EQUAL_HARM
from suite.pruning.criteria import criterion_label
from suite.report.figures.rounding import rounding
from suite.report.format import multiple, num, pct
from suite.report.section import Block, Column, Figure, Section, Table
from suite.report.words import counted, every

Found = tuple[Rounding, ...]


def find(facts: Facts) -> Found | None:
    return tuple(found for model in facts.models for found in roundings_of(model.dense, model.cells)) or None


def claims(found: Found) -> Iterable[Claim | None]:
    """That the damage adds up, within the margin, in every cell that was pruned and rounded."""
    rows = [row for one in found for row in one.rows]
    known = [row.excess for row in rows if isinstance(row.excess, float)]
    if not known:
        return ()
    even, more, less, undecided = (sum(row.sum == word for row in rows) for word in (EVEN, MORE, LESS, OPEN))
    if even == len(rows):
        said = f"in {every(even, 'cell')}"
    else:
        others = ((more, "it is more"), (less, "it is less"), (undecided, "it is undecided"))
        said = ", ".join([f"in {even} of {counted(len(rows), 'cell')}", *(f"{how} in {n}" for n, how in others if n)])
    spread = f"{num(min(known), 3)} to {num(max(known), 3)} times the perplexity of the sum"
    statement = f"Pruned and rounded, a model loses the sum of what each costs alone, within {pct(EQUAL_HARM)}"
    verdict = everywhere(row.additive for row in rows)
    return (Claim("damage_adds_up", statement, verdict, f"{said} ({spread})", said),)


def _columns(_found: Found) -> list[Column[Together]]:
    return [
        Column("Precision", lambda row: ", ".join(filter(None, [row.precision, _criterion(row)]))),
        Column("Removed", lambda row: row.pruned.sparsity, pct),
        Column("Pruned", lambda row: row.pruned.ratio, multiple, worst=10.0),
        Column("Both", lambda row: row.both.ratio, multiple, worst=10.0),
        Column("Both over the sum", lambda row: row.excess, lambda v: num(v, 3), short="/ sum"),
        Column("Interval", lambda row: row.interval, lambda v: num(v, 3)),
        Column("Zeros after rounding", lambda row: _zeros(row), lambda v: pct(v, 1), short="Zeros"),
    ]


def _criterion(row: Together) -> str:
    word = row.pruned.experiment.criterion
    return "" if word == "magnitude" else criterion_label(word)


def _zeros(row: Together) -> float | NotMeasured:
    found = row.quantisation
    return found if isinstance(found, NotMeasured) else found.sparsity


SECTION = Section(
    key="precision",
    title="Prune and quantise?",
    find=find,
    claims=claims,
    figures=(
        Figure(
            "rounding", lambda axes, found, style: rounding(axes, found, style), 130.0, table="rounding", paper=False
        ),
    ),
    tables=(
        Table(
            "rounding",
            _columns,
            lambda found: [r for one in found for r in one.rows],
            by=lambda row: model_title(row.model),
        ),
    ),
    poster=Block("below", "rounding", levels=1),
)
