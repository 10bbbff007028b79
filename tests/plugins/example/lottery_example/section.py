"""A section: the hardest window of the text for each dense model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from suite.analysis.cells import Cell
from suite.analysis.facts import Facts
from suite.analysis.values import NotMeasured
from suite.models.catalogue import model_title
from suite.report.format import num
from suite.report.section import Column, Section, Table


@dataclass(frozen=True, slots=True)
class Row:
    """The highest loss of a window, nats a token."""

    model: str
    hardest: float


def find(facts: Facts) -> tuple[Row, ...] | None:
    """A row for each model whose dense baseline is at hand; None where there is none."""
    rows = []
    for model in facts.models:
        quality = model.dense.quality if isinstance(model.dense, Cell) else model.dense
        if not isinstance(quality, NotMeasured):
            rows.append(Row(model.name, max(quality.nll_per_window)))
    return tuple(rows) or None


SECTION = Section(
    key="hardest_window",
    title="The hardest window of the text",
    find=find,
    tables=(
        Table(
            "hardest_window",
            lambda found: [
                Column("Model", lambda row: model_title(row.model)),
                Column("Highest loss", lambda row: row.hardest, lambda loss: num(loss, 3)),
            ],
            lambda found: found,
        ),
    ),
    words=Path(__file__).with_name("section.j2"),
)
