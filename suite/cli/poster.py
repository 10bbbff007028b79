"""`lottery poster`: results -> poster.pdf."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("results", nargs=-1)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default="out", show_default=True, metavar="DIR"
)
def poster(results: tuple[str, ...], out: Path) -> None:
    """Print the poster: one page, 48 by 36 inches, every number read from RESULTS.

    RESULTS are results folders or single studies' folders, also separated by commas; by default $LOTTERY_RESULTS,
    else `results`. Sections appear when their records do; what failed is printed as n/m with its reason.
    """
    from suite.report.command import write_report
    from suite.report.poster import build_poster

    click.echo(write_report(results, out, "poster", build_poster))
