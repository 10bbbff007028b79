"""What the records of a study say where its manifest names a plug-in that is not installed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from suite.errors import InputError


@contextmanager
def plugins_named(manifests: Sequence[Path], results: Path) -> Iterator[None]:
    """In this block manifests are read; a complaint of a name that is not known says which package to install, where
    records of these studies say so.

    Raises:
        InputError: as in the block.
    """
    try:
        yield
    except InputError as error:
        lacking = next(filter(None, (_lacking(str(error), results / path.stem) for path in manifests)), None)
        if lacking is None:
            raise
        raise InputError(f"{error}; its records were made with {lacking}: pip install {lacking}") from error


def _lacking(said: str, folder: Path) -> str | None:
    """The requirement `name==version` that brought what a sentence does not know, by the records in a folder."""
    from suite.records import read_records

    if not folder.is_dir():
        return None
    used = (one for record in read_records([folder])[0] for one in record.environment.plugins)
    return next((f"{one.distribution}=={one.version}" for one in used if _not_known(said, one.kind, one.name)), None)


def _not_known(said: str, kind: str, name: str) -> bool:
    wordings = {
        "criterion": f"criterion {name!r} is not one of ",
        "text": f"no text is called {name!r}",
        "model": f"no model is called {name!r}",
    }
    return wordings[kind] in said
