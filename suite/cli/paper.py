"""`lottery paper`: results -> paper.pdf."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("results", nargs=-1)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default="out", show_default=True, metavar="DIR"
)
def paper(results: tuple[str, ...], out: Path) -> None:
    """Print the paper: two columns, with method, every table and figure, and an appendix of all records in RESULTS.

    RESULTS are results folders or single studies' folders, also separated by commas; by default $LOTTERY_RESULTS,
    else `results`.
    """
    from suite.report.command import write_report
    from suite.report.paper import build_paper

    click.echo(write_report(results, out, "paper", build_paper))
