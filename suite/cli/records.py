"""`lottery records`: the numbers of a results folder."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite.analysis.cells import Cell, step_of
from suite.analysis.values import NotMeasured
from suite.cli.tables import add_row, console, fits, new_table, percent, warn_of_damaged
from suite.errors import InputError
from suite.garbage import without_collection
from suite.paths import default_results
from suite.records import SCHEMA, Record, read_records
from suite.records.columns import COLUMNS, as_table
from suite.records.query import condition, ordered_by, select
from suite.records.wording import budget_words, criterion_words, transforms, treated

if TYPE_CHECKING:
    from rich.table import Table

_EPILOG = "Columns: " + ", ".join(COLUMNS) + "."


@click.command(epilog=_EPILOG)
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path), metavar="[DIR]...")
@click.option("--json", "as_json", is_flag=True, help="Print the records whole, as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print every column, as CSV: full precision, a line a record.")
@click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar="'COLUMN OP VALUE'",
    help="Only records that satisfy this, OP being = != < <= > >= or ~ (contains); all must hold when given several "
    "times. Quote it. What was not measured satisfies only !=.",
)
@click.option(
    "--sort",
    "keys",
    multiple=True,
    metavar="[-]COLUMN",
    help="Sort by a column, descending with the -; the first given is foremost. What was not measured comes last.",
)
@without_collection()
def records(
    folders: tuple[Path, ...], as_json: bool, as_csv: bool, conditions: tuple[str, ...], keys: tuple[str, ...]
) -> None:
    """Show the records of results folders: all studies below DIR, or one study's folder.

    DIR is $LOTTERY_RESULTS, else results, unless given.

    \b
    lottery records --where 'ratio<2' --where target=attention --sort -sparsity
    lottery records --where 'sparsity>=50%' --csv > half.csv
    """
    if as_json and as_csv:
        raise InputError("records are printed as --json or as --csv, not both; leave one of them out")
    wanted = [condition(written) for written in conditions]
    found, damaged = read_records(folders or [default_results()])
    warn_of_damaged(damaged, "and is left out", most=3)
    shown = ordered_by(select(sorted(found, key=_order), wanted), keys)
    if as_json:
        rows = [record.model_dump(mode="json", by_alias=True) for record in shown]
        click.echo(json.dumps({"schema": SCHEMA, "records": rows}, indent=1, ensure_ascii=False))
    elif as_csv:
        click.echo(as_table(shown), nl=False)
    elif not shown:
        click.echo(f"none of {len(found)} records matches {' and '.join(conditions)}" if found else "no records")
    else:
        _print(shown)


def _order(record: Record) -> tuple[object, ...]:
    cell = record.experiment
    learnt = cell.recovery.tokens if cell.recovery else 0
    others = transforms(cell)[: -1 if learnt else None]  # recovery is the last of them
    kind = (cell.criterion, cell.what, others, cell.budget or 0)
    return (cell.model, step_of(cell), not cell.dense, not cell.unpruned, *kind, cell.sparsity, cell.seed or 0, learnt)


def _print(shown: list[Record]) -> None:
    """The table, with the intervals where the terminal is wide enough for them."""
    screen = console()
    table = _table(shown, intervals=True)
    if not fits(table, screen):
        table = _table(shown, intervals=False)
    screen.print(table)


def _table(shown: Iterable[Record], intervals: bool) -> Table:
    table = new_table(
        ("model", "criterion", "target"),
        ("sparsity", "perplexity", "x dense", "KL", "tokens/s"),
        ("writes", "mask", "id"),
        wrapped="writes",
    )
    for record in shown:
        cell, experiment = Cell(record, record.experiment.model), record.experiment
        speed, mask = cell.generation, cell.mask_digest
        budget = f" ({budget_words(experiment)})" if experiment.budget is not None else ""
        values = (
            cell.model,
            criterion_words(experiment),
            treated(experiment) + budget,
            "" if experiment.unpruned else percent(experiment.sparsity),
            _number(cell.perplexity, ".6g"),
            _ratio(cell, intervals),
            _number(cell.kl, ".3g"),
            "" if isinstance(speed, NotMeasured) else _number(speed.decode_tokens_per_s.median, ".3g"),
            _writes(cell),
            "" if isinstance(mask, NotMeasured) else mask[:8],
            record.id[:8],
        )
        add_row(table, values)
    return table


def _number(value: float | NotMeasured, form: str) -> str:
    return "" if isinstance(value, NotMeasured) else f"{value:,{form}}"


def _writes(cell: Cell) -> str:
    """The verdict on what the model writes, or why there is nothing to judge."""
    if not cell.done:
        return f"failed: {cell.missing.reason}"
    if (step := cell.record.sequential) is not None:
        return f"{step.windows} windows: {step.words}"
    return "" if isinstance(coherence := cell.coherence, NotMeasured) else coherence.verdict


def _ratio(cell: Cell, intervals: bool) -> str:
    """`1.078 (1.05-1.11)`: bounds to three digits, or as many as tell them apart, and the ratio to one more."""
    ratio, interval = cell.ratio, cell.interval
    if isinstance(ratio, NotMeasured) or isinstance(interval, NotMeasured) or not intervals:
        return _number(ratio, ".4g")
    apart = interval.high - interval.low or interval.high
    digits = min(max(2 - math.floor(math.log10(interval.high)), -math.floor(math.log10(apart)), 0), 5)
    return f"{ratio:,.{digits + 1}f} ({interval.low:,.{digits}f}-{interval.high:,.{digits}f})"
