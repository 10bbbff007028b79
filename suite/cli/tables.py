"""How tables of numbers look on a terminal and in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from suite.errors import escaped
from suite.records import Damage

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

WRAPPED = 12  # columns of the terminal that a column which may wrap gets along with
PIPE_WIDTH = 160  # in a pipe or a log, a line is as long as a table needs


def console() -> Console:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False, markup=False)


def new_table(left: Iterable[str], right: Iterable[str], last: Iterable[str], wrapped: str) -> Table:
    """An empty table: columns of words, of numbers (to the right), and of words again, one of which may wrap."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for headings, side in ((left, "left"), (right, "right"), (last, "left")):
        for heading in headings:
            table.add_column(heading, justify="right" if side == "right" else "left", no_wrap=heading != wrapped)
    return table


def fits(table: Table, screen: Console) -> bool:
    """Whether a table needs to shorten nothing but the column that may wrap."""
    from rich.cells import cell_len

    widths = []
    for column in table.columns:
        width = max(cell_len(line) for cell in (column.header, *column.cells) for line in str(cell).split("\n"))
        widths.append(width if column.no_wrap else min(width, WRAPPED))
    return sum(widths) + 2 * len(widths) <= screen.width  # two spaces between columns, and one at either edge


def add_row(table: Table, values: Iterable[str], style: str = "") -> None:
    """A row of plain text: nothing in a record is taken for markup, or obeyed by the terminal."""
    from rich.text import Text

    table.add_row(*(Text(_shown(value)) for value in values), style=style)


def _shown(value: str) -> str:
    return "\n".join(escaped(line) for line in value.split("\n"))


def warn_of_damaged(damaged: Sequence[Damage], consequence: str, most: int | None = None) -> None:
    """Name the files that are not read as records, on standard error; at most so many, then how many more."""
    for damage in damaged[:most]:
        click.echo(f"lottery: {damage}, {consequence}", err=True)
    if most is not None and len(damaged) > most:
        click.echo(f"lottery: the same of {len(damaged) - most} more files there", err=True)


def percent(share: float) -> str:
    return f"{100 * share:.4g} %"


def count(number: int, noun: str) -> str:
    """`1 cell`, `2 cells`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
