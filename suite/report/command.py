"""What `lottery poster` and `lottery paper` share: results in, one PDF out."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from suite.errors import InputError
from suite.paths import default_results

if TYPE_CHECKING:
    from suite.analysis.facts import Facts
    from suite.report.pdf import Pdf


def results_folders(arguments: Iterable[str]) -> list[Path]:
    """The folders named on the command line (each may hold several, separated by commas), or the default one."""
    named = [piece for argument in arguments for piece in argument.split(",") if piece]
    return [Path(piece) for piece in named] or [default_results()]


def read_facts(arguments: Iterable[str]) -> Facts:
    """The facts of the results a command was given.

    Raises:
        InputError: a folder is not there, or no experiment in it finished.
    """
    from suite.analysis.facts import build_facts
    from suite.records.store import read_records

    records, damaged = read_records(results_folders(arguments))
    return build_facts(records, damaged=len(damaged))


def write_report(arguments: Iterable[str], out: Path, name: str, make: Callable[[Facts], Pdf]) -> Path:
    """Build a report and put it into `out`, whole or not at all.

    Raises:
        InputError: the results hold nothing to report, or `out` cannot be written.
    """
    pdf = make(read_facts(arguments))
    path = out / f"{name}.pdf"
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=out, prefix=f".{name}-", delete=False) as file:
            file.write(pdf.content)
        Path(file.name).chmod(0o644)
        Path(file.name).replace(path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; name another folder with --out DIR") from error
    return path
