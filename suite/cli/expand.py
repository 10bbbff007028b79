"""`lottery expand`: a compressed export as an ordinary directory."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Where it goes; a new folder."
)
def expand(folder: Path, out: Path) -> None:
    """Write the ordinary Hugging Face directory of one that `lottery export --compressed` wrote.

    Byte for byte it is what `lottery export` writes without --compressed.
    """
    from suite.models import export

    export.expand(folder, out)
    click.echo(f"{out}: {sum(path.stat().st_size for path in out.iterdir()) / 1e6:,.1f} MB")
