"""`lottery bench`: what this machine can do, and what of it each stage of the suite reaches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status
    from rich.table import Table

    from suite.bench.measured import Ceiling, Measured
    from suite.models.source import ModelSource

NOT_MEASURED = "not measured"
UNITS = {"bytes/s": (1e9, "GB/s"), "FLOP/s": (1e9, "GFLOP/s"), "bytes": (1e9, "GB"), "FLOP": (1e9, "GFLOP")}


@click.command()
@click.argument("model", required=False)
@click.option(
    "--dtype",
    "dtypes",
    type=click.Choice(["float32", "bfloat16", "float16"]),
    multiple=True,
    help="That the stages run in; may be given several times.  [default: those the device computes in]",
)
@click.option("--repeats", type=click.IntRange(1), default=5, show_default=True, help="Of everything; medians count.")
@click.option("--json", "as_json", is_flag=True, help="Print what was measured as JSON.")
def bench(model: str | None, dtypes: tuple[str, ...], repeats: int, as_json: bool) -> None:
    """Measure what this machine can do, and what of it the suite reaches.

    The ceilings are copying memory, products of matrices, reading files. Beside them each stage of a study, as the
    share of its ceiling that it reaches: loading a model against reading its files; pruning every linear layer by
    magnitude, and making it whole again, against one copy of those weights; evaluating against the products alone; a
    step of decoding against reading every weight once.

    MODEL is a name of the catalogue or a model directory; by default one of random weights is written to the folder for
    temporary files ($TMPDIR) and removed: 0.4 billion parameters on a processor, 7 billion on a GPU. It takes minutes,
    on a machine that does nothing else.

    What was measured is kept for this machine (in $XDG_CACHE_HOME/lottery, else ~/.cache/lottery), unless the model is
    too small to tell; `lottery plan` and the other forecasts reckon with it from then on.
    """
    import torch
    from rich.console import Console

    from suite.bench.run import measure

    source = _source(model) if model else None
    screen = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    try:
        with screen.status("") as status:
            measured = measure(source, dtypes, repeats, _teller(screen, status))
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise InputError(f"{model or 'the model'} does not fit into the memory here; name a smaller one") from error
    if as_json:
        click.echo(measured.to_json(), nl=False)
    else:
        _show(measured)
    _keep(measured)


def _teller(screen: Console, status: Status) -> Callable[[str], None]:
    """What is being measured: one line that changes on a terminal, a line each in a log."""
    return status.update if screen.is_terminal else lambda what: screen.print(f"{what} ...")


def _keep(measured: Measured) -> None:
    from suite.bench.measured import keep
    from suite.machine import this_machine
    from suite.needs import LARGE

    if measured.parameters < LARGE:
        click.echo(f"not kept for forecasts: with {measured.model}, calls cost more than what is in them", err=True)
        return
    try:
        path = keep(measured, this_machine())
    except OSError as error:
        click.echo(f"lottery: this could not be kept for forecasts: {error}", err=True)
    else:
        click.echo(f"kept in {path}: forecasts reckon with it from now on", err=True)


def _source(model: str) -> ModelSource:
    """The named model, fetched where it comes from the hub.

    Raises:
        InputError: it is not known, or cannot be had.
    """
    from suite.models.source import from_catalogue, from_folder

    if (folder := Path(model)).is_dir():
        return from_folder(folder.resolve().name, folder)
    source = from_catalogue(model)
    return source if source.folder else _fetched(source)


def _fetched(source: ModelSource) -> ModelSource:
    from rich.console import Console

    from suite.cli.fetching import FetchProgress, fetch_all
    from suite.hub import fetch_model, model_repository
    from suite.models.source import from_folder, from_weights_file
    from suite.needs import Need

    console = Console(stderr=True, soft_wrap=True)
    with FetchProgress(console) as progress:
        repository = model_repository(source.repository, source.revision) if source.repository else None
        fetched = fetch_all([Need(source.name, repository, source.weights)], progress, ask=False)
    if fetched.failures:
        raise InputError(fetched.failures[0])
    if source.weights is not None:
        return from_weights_file(source.name, source.weights)
    assert source.repository is not None
    folder = fetch_model(source.repository, source.revision)
    return from_folder(source.name, folder, revision=source.revision)


def _show(measured: Measured) -> None:
    from suite.cli.tables import console, count

    threads = count(measured.threads, "thread")
    click.echo(f"{measured.hardware}, torch {measured.torch}, {threads}")
    click.echo(
        f"{measured.model}: {measured.parameters:,} parameters; medians, and the least and most of the repeats\n"
    )
    screen = console()
    screen.print(_ceilings(measured))
    screen.print(_stages(measured))


def _ceilings(measured: Measured) -> Table:
    from suite.cli.tables import add_row, new_table

    table = new_table(["ceiling"], ["rate", "spread"], [], wrapped="")
    for one in measured.ceilings:
        low, high = (_amount(rate, one.unit) for rate in (one.low, one.high))
        add_row(table, [_name(one), _amount(one.rate, one.unit), f"{low.split()[0]} to {high.split()[0]}"])
    if measured.device == "cpu":
        for name in ("copy, GPU memory", "matrix product, GPU"):
            add_row(table, [name, NOT_MEASURED, ""], style="dim")
    return table


def _name(one: Ceiling) -> str:
    if one.name == "files":
        return f"the model's files, {one.note}"
    if one.name == "copy":
        return f"copy, {'GPU' if one.device == 'cuda' else 'host'} memory"
    return f"matrix product, {one.name.removeprefix('matrix ')}"


def _stages(measured: Measured) -> Table:
    from suite.cli.tables import add_row, new_table

    numbers = ["took", "spread", "stands for", "at the ceiling", "share"]
    table = new_table(["stage", "dtype", "what"], numbers, [], wrapped="")
    for one in measured.stages:
        spread = f"{one.low:.3g} to {one.high:.3g}"
        amount = _amount(one.amount, one.unit)
        shown = (f"{one.seconds:.3g} s", spread, amount, f"{one.ceiling_seconds:.3g} s", f"{one.share:.0%}")
        add_row(table, [one.stage, one.dtype, one.what, *shown])
    if measured.device == "cpu":
        from suite.bench.measured import STAGES

        for stage in STAGES:
            add_row(table, [stage, "", "on a GPU", NOT_MEASURED, "", "", "", ""], style="dim")
    return table


def _amount(value: float, unit: str) -> str:
    """A rate or an amount for people: 29.4 GB/s, 84 GFLOP/s."""
    size, name = UNITS[unit]
    return f"{value / size:,.3g} {name}" if value < 1000 * size else f"{value / size / 1000:,.3g} T{name[1:]}"
