"""`lottery report`: results -> everything that is printed, in one go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite.cli.printing import format_option, poster_name, print_options

if TYPE_CHECKING:
    from suite.report.contents import Contents
    from suite.report.parallel import Task


@click.command()
@print_options
@format_option
def report(results: tuple[str, ...], out: Path, theme: Path | None, sheet: str) -> None:
    """Print poster, paper, supplement and page: what `lottery poster`, `paper` and `page` print, the records read once.

    RESULTS are results folders or single studies' folders, also separated by commas; by default $LOTTERY_RESULTS,
    else `results`. Either all documents are written or, where one cannot be, none.
    """
    from suite.gc_paused import gc_paused
    from suite.report.parallel import in_parallel

    with gc_paused():
        from suite.report.added import printed
        from suite.report.command import read_contents, write
        from suite.report.theme import use

        use(theme)
        made = printed(read_contents(results), lambda contents: in_parallel(documents(contents, sheet)))
        for name, content in made.items():
            click.echo(write(out / name, content))


def documents(contents: Contents, sheet: str) -> dict[str, Task]:
    """File name to what makes the file; the longest first."""
    from suite.report.media.page import build_page
    from suite.report.media.paper import build_paper, build_supplement
    from suite.report.media.poster import build_poster

    return {
        "supplement.pdf": lambda: build_supplement(contents).content,
        "results.html": lambda: build_page(contents),
        poster_name(sheet): lambda: build_poster(contents, sheet).content,
        "paper.pdf": lambda: build_paper(contents).content,
    }
