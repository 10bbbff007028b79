"""`lottery paper`: results -> paper.pdf."""

from __future__ import annotations

from pathlib import Path

import click

from suite.cli.printing import print_options


@click.command()
@print_options
def paper(results: tuple[str, ...], out: Path, theme: Path | None) -> None:
    """Print the paper: US letter, two columns, every number read from RESULTS and every record in its appendix.

    RESULTS are results folders or single studies' folders, also separated by commas; by default $LOTTERY_RESULTS,
    else `results`.
    """
    from suite.report.command import read_facts, write
    from suite.report.paper import build_paper
    from suite.report.theme import use

    use(theme)
    click.echo(write(out / "paper.pdf", build_paper(read_facts(results)).content))
