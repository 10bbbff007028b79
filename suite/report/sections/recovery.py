"""Does training heal it? What comes back when a pruned model is trained with its mask held."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from suite.analysis.cells import Cell
from suite.analysis.contests import contest, finished
from suite.analysis.facts import Facts
from suite.analysis.models import ModelFacts
from suite.analysis.recovery import Recoveries, Regained, against_random, courses_of, recoveries_of
from suite.analysis.values import Claim, NotMeasured, below
from suite.models.catalogue import model_title
from suite.protocol import TOLERANCE
from suite.pruning.criteria import criterion_label
from suite.report.claims import contested
from suite.report.figures.recovery import recovery
from suite.report.format import multiple, num, pct
from suite.report.section import Block, Column, Figure, Section, Table

Row = tuple[Recoveries, Regained]


@dataclass(frozen=True, slots=True)
class Recovery:
    """Everything that was trained; `courses` are the criteria side by side in one `model`."""

    all: tuple[Recoveries, ...]
    courses: tuple[Recoveries, ...]
    model: ModelFacts


def find(facts: Facts) -> Recovery | None:
    found = tuple(one for model in facts.models for one in recoveries_of(model.dense, model.cells))
    if not found:
        return None
    courses = courses_of(found)
    return Recovery(found, courses, facts.model((courses or found)[0].model))


def claims(found: Recovery) -> Iterable[Claim | None]:
    rows = [one.most for one in found.all]
    healed = finished((row.after, row.before if isinstance(row.before, Cell) else None) for row in rows)
    whole = finished((row.dense if isinstance(row.dense, Cell) else None, row.after) for row in rows)
    near = f"Training with the mask held ends within {pct(TOLERANCE - 1)} of the dense model trained as long"
    return (
        contested(
            "recovery_heals",
            "Training with the mask held lowers the perplexity of a pruned model",
            contest(healed),
            "cell",
            "untrained it is {} as high",
        ),
        contested(
            "recovery_heals_all",
            near,
            contest(whole, lambda ratio: below(ratio, TOLERANCE)),
            "cell",
            "it has {} the dense perplexity",
        ),
        contested(
            "mask_still_matters",
            "After training as well, a chosen mask leaves a lower perplexity than a random one",
            contest(against_random(found.all)),
            "cell",
            "a random one has {} its perplexity",
        ),
    )


def _columns(_found: Recovery) -> list[Column[Row]]:
    return [
        Column(
            "Criterion",
            lambda row: ", ".join(
                [criterion_label(row[0].criterion), *([row[0].what] if row[0].what != "blocks" else [])]
            ),
        ),
        Column("Removed", lambda row: row[0].sparsity, pct),
        Column("Tokens", lambda row: row[1].tokens / 1000, lambda v: f"{num(v, 0)}k"),
        Column("Before", lambda row: _ratio(row[1].before), multiple, worst=10.0),
        Column("After", lambda row: row[1].after.ratio, multiple, worst=10.0),
        Column("Over dense trained", lambda row: row[1].over_dense, multiple, short="/ dense"),
        Column("Interval", lambda row: row[1].beside, lambda v: num(v, 2)),
        Column("Came back", lambda row: row[1].share, lambda v: pct(v, 0), short="Back"),
    ]


def _ratio(cell: Cell | NotMeasured) -> float | NotMeasured:
    return cell if isinstance(cell, NotMeasured) else cell.ratio


SECTION = Section(
    key="recovery",
    title="Does training heal it?",
    find=find,
    claims=claims,
    figures=(
        Figure(
            "recovery",
            lambda axes, found, style: recovery(axes, found.courses, found.model, style),
            150.0,
            there=lambda found: bool(found.courses),
            table="recovery",
        ),
    ),
    tables=(
        Table(
            "recovery",
            _columns,
            lambda found: [(one, row) for one in found.all for row in one.rows],
            lambda r: model_title(r[0].model),
        ),
    ),
    poster=Block("below", "recovery", levels=1, there=lambda found: bool(found.courses)),
)
