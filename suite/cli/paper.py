"""`lottery paper`: results -> paper.pdf and supplement.pdf."""

from __future__ import annotations

from pathlib import Path

import click

from suite.cli.printing import print_options


@click.command()
@print_options
def paper(results: tuple[str, ...], out: Path, theme: Path | None) -> None:
    """Print the paper and its supplement: US letter, every number read from RESULTS.

    The paper has summaries, on twelve pages at most; the supplement every table, manifest and record.

    RESULTS are results folders or single studies' folders, also separated by commas; by default $LOTTERY_RESULTS,
    else `results`.
    """
    from suite.report.added import printed
    from suite.report.command import read_contents, write
    from suite.report.media.paper import build_paper, build_supplement
    from suite.report.theme import use

    use(theme)
    made = printed(read_contents(results), lambda contents: (build_paper(contents), build_supplement(contents)))
    for name, document in zip(("paper.pdf", "supplement.pdf"), made, strict=True):
        click.echo(write(out / name, document.content))
