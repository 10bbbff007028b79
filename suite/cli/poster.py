"""`lottery poster`: results -> poster.pdf."""

from __future__ import annotations

from pathlib import Path

import click

from suite.cli.printing import format_option, poster_name, print_options


@click.command()
@print_options
@format_option
def poster(results: tuple[str, ...], out: Path, theme: Path | None, sheet: str) -> None:
    """Print the poster: one sheet, 48 by 36 inches unless told otherwise, every number read from RESULTS.

    RESULTS are results folders or single studies' folders, also separated by commas; by default $LOTTERY_RESULTS,
    else `results`. Sections appear when their records do; what failed is printed as n/m with its reason.
    """
    from suite.report.added import printed
    from suite.report.command import read_contents, write
    from suite.report.media.poster import build_poster
    from suite.report.theme import use

    use(theme)
    made = printed(read_contents(results), lambda contents: build_poster(contents, sheet))
    click.echo(write(out / poster_name(sheet), made.content))
