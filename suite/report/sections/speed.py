"""Did it get faster? Decode speed of the first model's pruned cells beside its dense model's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from suite.analysis.facts import Facts
from suite.analysis.paired import within
from suite.analysis.speed import SpeedRow, SpeedTable, welch
from suite.analysis.values import Claim, NotMeasured, Verdict
from suite.protocol import SPEED_LEVEL, SPEED_MARGIN
from suite.report.figures.speed import speed
from suite.report.format import num, pct, sig, size, times
from suite.report.section import Column, Figure, Section, Table
from suite.report.words import counted


@dataclass(frozen=True, slots=True)
class Speeds:
    """The first model's speeds, and those of every model that was timed."""

    main: SpeedTable
    tables: tuple[SpeedTable, ...]


def find(facts: Facts) -> Speeds | None:
    tables = tuple(model.speed for model in facts.models if model.speed)
    return Speeds(tables[0], tables) if tables else None


def claims(found: Speeds) -> Iterable[Claim | None]:
    """Scattered zeros leave decode speed where it was, within the margin, in every cell compared.

    To hold, every cell must be equal; to fail, one must differ at a level shared out among them all.
    """
    rows = [row for table in found.tables for row in table.pruned]
    relative = [row.relative for row in rows]
    level = 1 - (1 - SPEED_LEVEL) / len(rows)
    differs = any(within(welch(row.decode, row.base, level), SPEED_MARGIN) is Verdict.FAILS for row in rows)
    holds = all(row.unchanged is Verdict.HOLDS for row in rows)
    verdict = Verdict.FAILS if differs else Verdict.HOLDS if holds else Verdict.UNKNOWN
    said = f"{counted(len(rows), 'cell')} decode at {times(min(relative))} to {times(max(relative))} the dense speed"
    statement = f"Scattered zeros leave decode speed as it was, within {pct(SPEED_MARGIN)}"
    return (Claim("speed_unchanged", statement, verdict, said, said, {"cells": len(rows), "margin": SPEED_MARGIN}),)


def _columns(found: Speeds) -> list[Column[SpeedRow]]:
    columns: list[Column[SpeedRow]] = [
        Column("Removed", lambda row: row.cell.sparsity, pct),
        Column("Tokens/s", lambda row: row.decode.median, lambda v: sig(v, 4)),
        Column("Relative", lambda row: row.relative, lambda v: num(v, 3)),
        Column("Interval", lambda row: None if row.cell.experiment.dense else row.interval, lambda v: num(v, 3)),
    ]
    if found.main.has_board:
        columns += [
            Column("MHz", lambda row: row.board.sm_clock_mhz if row.board else None, lambda v: num(v, 0)),
            Column("W", lambda row: row.board.power_w if row.board else None, lambda v: num(v, 0)),
        ]
    return [*columns, Column("Peak memory", lambda row: _peak(row), size, short="Peak")]


def _peak(row: SpeedRow) -> float | NotMeasured | None:
    memory = row.cell.memory
    if isinstance(memory, NotMeasured):
        return memory
    return None if memory.peak_bytes is None else float(memory.peak_bytes)


SECTION = Section(
    key="speed",
    title="Did it get faster?",
    find=find,
    claims=claims,
    figures=(
        Figure("speed", lambda axes, found, style: speed(axes, found.main, style), 130.0, table="speed", paper=False),
    ),
    tables=(Table("speed", _columns, lambda found: found.main.rows),),
)
