"""What studies need that may have to be fetched. Looked up without the hub's client, which takes time to import."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from suite.data.source import TextSource
    from suite.hub import Repository
    from suite.manifest import Study
    from suite.models.source import ModelSource
    from suite.weights import WeightsFile

LARGE = 50_000_000  # parameters, from which on a processor keeps one waiting


@dataclass(frozen=True, slots=True)
class Need:
    """A model or text by its name, and where it comes from: a repository of the hub, a file that several places have,
    or where it is already.

    `trouble` is why it cannot be had at all; `otherwise` what else to do where the hub does not give it.
    """

    name: str
    repository: Repository | None = None
    weights: WeightsFile | None = None
    place: str = ""
    trouble: str = ""
    otherwise: str = ""
    licence: str = ""

    def without_hub(self, why: str) -> str:
        """Why it cannot be had, and the cure that needs no hub."""
        return f"{why}; or {self.otherwise}" if self.otherwise else why

    @property
    def remote(self) -> bool:
        """Whether it may have to be fetched."""
        return self.repository is not None or self.weights is not None


def needs(study: Study, models: Iterable[ModelSource]) -> list[Need]:
    """What some models of a study, and its texts, need."""
    from suite.hub import model_repository
    from suite.models.catalogue import EMBEDDED

    found = []
    for model in models:
        if model.weights is not None:
            found.append(Need(model.name, weights=model.weights, licence=model.licence or ""))
        elif model.repository is not None:
            repository = model_repository(model.repository, model.revision)
            found.append(Need(model.name, repository, licence=model.licence or ""))
        else:
            if model.untrained:
                found.append(Need(model.name, place="is made from its architecture"))
                continue
            if model.gguf is not None:
                found.append(Need(model.name, place=f"is the file {model.gguf.path}"))
                continue
            own = model.folder is not None and model.folder.parent == EMBEDDED
            found.append(Need(model.name, place="ships with the suite" if own else f"is the directory {model.folder}"))
    return found + [_of_text(text) for text in study.texts]


def _of_text(text: TextSource) -> Need:
    from suite.errors import InputError
    from suite.hub import Repository

    licence, otherwise = text.known.licence if text.known else "", text.cure or ""
    try:
        file, hub = text.file, text.hub_file
    except InputError as error:  # two files hold it
        return Need(text.name, trouble=str(error))
    if file is not None:
        return Need(text.name, place=f"is the file {file}", licence=licence)
    if hub is not None:
        repository = Repository(hub.repository, text.revision, (hub.file,), "dataset")
        return Need(text.name, repository, otherwise=otherwise, licence=licence)
    if text.missing is not None:
        return Need(text.name, trouble=text.missing, otherwise=otherwise, licence=licence)
    return Need(text.name, place="ships with the suite")


def large(model: ModelSource) -> bool:
    """Whether a model wants a GPU: the embedded ones, of at most a few million parameters, do not."""
    return model.anatomy.weights > LARGE


def gigabytes(size: int) -> str:
    """Bytes for people: 14.5 GB, 732 kB."""
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size} bytes"


def free_bytes(folder: Path) -> int:
    """What the disk that holds the folder, or will hold it, has left for this user."""
    return shutil.disk_usage(existing(folder)).free


def existing(folder: Path) -> Path:
    """The folder, or where it is not there yet the nearest above it that is."""
    folder = folder.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def few(names: Iterable[str], most: int = 6) -> str:
    """Names in a line: a few, and how many more."""
    named = list(names)
    more = f" and {len(named) - most} more" if len(named) > most else ""
    return ", ".join(named[:most]) + more
