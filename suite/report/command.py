"""What the commands that print share: results in, documents out."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from suite.errors import InputError
from suite.paths import MANIFESTS, default_results

if TYPE_CHECKING:
    from suite.report.contents import Contents


REFERENCE = MANIFESTS / "reference"  # the results that come with the suite


def results_folders(arguments: Iterable[str]) -> list[Path]:
    """The folders named on the command line (each may hold several, separated by commas), or the default one."""
    named = [piece for argument in arguments for piece in argument.split(",") if piece]
    return [Path(piece) for piece in named] or [default_results()]


def read_contents(arguments: Iterable[str]) -> Contents:
    """What a report of the results a command was given holds.

    Raises:
        InputError: a folder is not there, or no experiment in it finished.
    """
    from suite.analysis.facts import build_facts
    from suite.records.store import read_plans, read_records
    from suite.report.contents import contents_of

    folders = results_folders(arguments)
    records, damaged = read_records(folders)
    reference = [folder for folder in folders if folder.resolve().is_relative_to(REFERENCE.resolve())]
    shipped = {record.seal for record in read_records(reference)[0]} if reference else set()
    return contents_of(build_facts(records, read_plans(folders), damaged=len(damaged), shipped=shipped))


def write(path: Path, content: bytes) -> Path:
    """Put a document in its place, whole or not at all.

    Raises:
        InputError: the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.stem}-", delete=False) as file:
            file.write(content)
        Path(file.name).chmod(0o644)
        Path(file.name).replace(path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; name another folder with --out DIR") from error
    return path
