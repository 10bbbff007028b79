"""`lottery bundle`: what one hands in, as one archive."""

from __future__ import annotations

from pathlib import Path

import click

from suite.cli.printing import format_option, print_options


@click.command()
@print_options
@format_option
def bundle(results: tuple[str, ...], out: Path, theme: Path | None, sheet: str) -> None:
    """Print everything, and pack it with the records, the manifests, the environment and checksums into bundle.zip.

    RESULTS are results folders or single studies' folders, also separated by commas; by default $LOTTERY_RESULTS,
    else `results`. The same results give the same archive, byte for byte.
    """
    from suite.cli.report import documents
    from suite.gc_paused import gc_paused
    from suite.report.added import printed
    from suite.report.bundle import build_bundle
    from suite.report.command import read_contents, results_folders, write
    from suite.report.parallel import in_parallel
    from suite.report.theme import use

    with gc_paused():
        use(theme)
        made = printed(read_contents(results), lambda contents: in_parallel(documents(contents, sheet)))
        for name, content in made.items():
            click.echo(write(out / name, content))
        click.echo(write(out / "bundle.zip", build_bundle(made, results_folders(results))))
