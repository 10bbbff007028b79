"""`lottery page`: results -> results.html."""

from __future__ import annotations

from pathlib import Path

import click

from suite.cli.printing import print_options


@click.command()
@print_options
def page(results: tuple[str, ...], out: Path, theme: Path | None) -> None:
    """Print the results page: one HTML file, every number read from RESULTS and every record in a table to sort.

    It holds what poster and paper hold, with a text alternative for each figure, and needs no network.

    RESULTS are results folders or single studies' folders, also separated by commas; by default $LOTTERY_RESULTS,
    else `results`.
    """
    from suite.report.added import printed
    from suite.report.command import read_contents, write
    from suite.report.media.page import build_page
    from suite.report.theme import use

    use(theme)
    click.echo(write(out / "results.html", printed(read_contents(results), build_page)))
