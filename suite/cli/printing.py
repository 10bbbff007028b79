"""What the commands that print have in common: results in, a folder out, a theme, and a sheet for the poster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

FORMATS = ("48x36", "a0-landscape", "a0-portrait")  # suite/report/media/sheets.py has their geometry


def print_options(command: Any) -> Any:
    """`[RESULTS]... --out DIR --theme FILE`."""
    command = click.option(
        "--theme",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Colours, fonts, sizes, and whose work it is; laid over templates/theme.yaml.",
    )(command)
    command = click.option(
        "--out", type=click.Path(file_okay=False, path_type=Path), default="out", show_default=True, metavar="DIR"
    )(command)
    return click.argument("results", nargs=-1)(command)


def format_option(command: Any) -> Any:
    """`--format`, of the poster's sheet."""
    return click.option(
        "--format",
        "sheet",
        type=click.Choice(FORMATS),
        default=FORMATS[0],
        show_default=True,
        help="The poster's sheet; another than the default adds its name to the file's.",
    )(command)


def poster_name(sheet: str) -> str:
    return "poster.pdf" if sheet == FORMATS[0] else f"poster-{sheet}.pdf"
