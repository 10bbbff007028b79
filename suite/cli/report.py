"""`lottery report`: results -> everything that is printed, in one go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite.cli.printing import format_option, poster_name, print_options

if TYPE_CHECKING:
    from suite.analysis.facts import Facts
    from suite.report.together import Task


@click.command()
@print_options
@format_option
def report(results: tuple[str, ...], out: Path, theme: Path | None, sheet: str) -> None:
    """Print poster, paper and page, the records read once: what `lottery poster`, `paper` and `page` print, sooner.

    RESULTS are results folders or single studies' folders, also separated by commas; by default $LOTTERY_RESULTS,
    else `results`. Either all documents are written or, where one cannot be, none.
    """
    from suite.garbage import without_collection
    from suite.report.together import together

    with without_collection():
        from suite.report.command import read_facts, write
        from suite.report.theme import use

        use(theme)
        for name, content in together(documents(read_facts(results), sheet)).items():
            click.echo(write(out / name, content))


def documents(facts: Facts, sheet: str) -> dict[str, Task]:
    """File name to what makes the file; the longest first."""
    from suite.report.page import build_page
    from suite.report.paper import build_paper
    from suite.report.poster import build_poster

    return {
        "paper.pdf": lambda: build_paper(facts).content,
        poster_name(sheet): lambda: build_poster(facts, sheet).content,
        "results.html": lambda: build_page(facts),
    }
