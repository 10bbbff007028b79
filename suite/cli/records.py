"""`lottery records`: the numbers of a results folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from suite.paths import default_results
from suite.records import SCHEMA, Record, read_records


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path), metavar="[DIR]...")
@click.option("--json", "as_json", is_flag=True, help="Print the records whole, as JSON.")
def records(folders: tuple[Path, ...], as_json: bool) -> None:
    """Show the records of results folders: all studies below DIR, or one study's folder.

    DIR is $LOTTERY_RESULTS, else results, unless given.
    """
    found, damaged = read_records(folders or [default_results()])
    for path in damaged:
        click.echo(f"lottery: {path} is damaged or was edited by hand, and is left out", err=True)
    found.sort(key=_order)
    if as_json:
        rows = [record.model_dump(mode="json", by_alias=True) for record in found]
        click.echo(json.dumps({"schema": SCHEMA, "records": rows}, indent=1, ensure_ascii=False))
        return
    from rich.console import Console

    # In a pipe or a log a line is as long as it needs to be.
    Console(width=None if sys.stdout.isatty() else 160).print(_table(found))


def _order(record: Record) -> tuple[object, ...]:
    cell = record.experiment
    return (cell.model, not cell.dense, cell.criterion, cell.what, cell.budget or 0, cell.sparsity, cell.seed or 0)


def _table(found: list[Record]) -> object:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("model", "criterion", "target"):
        table.add_column(heading, no_wrap=True)
    for heading in ("sparsity", "perplexity", "x dense", "tokens/s"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("writes", "mask", "id"):
        table.add_column(heading, no_wrap=heading != "writes")
    for record in found:
        cell = record.experiment
        ppl, speed = record.perplexity, record.generation
        criterion = cell.criterion if cell.seed is None else f"{cell.criterion} {cell.seed}"
        row = [
            cell.model,
            "" if cell.dense else criterion,
            cell.what + (f" ({100 * cell.budget:.3g} % budget)" if cell.budget is not None else ""),
            "" if cell.dense else f"{100 * cell.sparsity:.4g} %",
            f"{ppl.value:,.6g}" if ppl else "",
            f"{ppl.ratio_to_dense:,.4g}" if ppl else "",
            f"{speed.decode_tokens_per_s.median:,.3g}" if speed else "",
            (record.coherence.verdict if record.coherence else "")
            if record.status == "done"
            else f"failed: {record.error}",
            record.pruning.mask_digest[:8] if record.pruning else "",
            record.id[:8],
        ]
        table.add_row(*map(Text, row))
    return table
