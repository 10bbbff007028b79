"""Files of the hub on this disk: what is there is checked, what is missing is fetched, checked, and only then kept."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path

from huggingface_hub import constants, hf_hub_download, snapshot_download
from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]

from suite.errors import InputError
from suite.hub.cache import cache_folder, linked, storage
from suite.hub.checksum import checksum, named
from suite.hub.explained import explained
from suite.hub.repository import HubFile, Repository, files_of, model_repository, not_here
from suite.hub.retry import Unwatched, Watch, retried
from suite.hub.transfer import transfer

_obtained: set[Repository] = set()  # by this process, which need not hash 15 GB again


def fetch_file(repository: str, revision: str, name: str, kind: str = "model") -> Path:
    """One file of a repository, from the cache or the hub.

    Raises:
        InputError: it cannot be had; the sentence says why.
    """
    wanted = Repository(repository, revision, (name,), "dataset" if kind == "dataset" else "model")
    return obtain(wanted) / name


def fetch_model(repository: str, revision: str) -> Path:
    """The directory of a model's configuration, safetensors and tokenizer, from the cache or the hub.

    Raises:
        InputError: it cannot be had, or it has no safetensors.
    """
    return obtain(model_repository(repository, revision))


def obtain(repository: Repository, files: list[HubFile] | None = None, watch: Watch | None = None) -> Path:
    """The folder of a repository's wanted files, every one checked against the hub's checksum in this process.

    Raises:
        InputError: a file cannot be had, or is wrong twice.
    """
    watch = watch or Unwatched()
    if repository not in _obtained:
        files = files or files_of(repository, watch)
        lacking = [file for file in files if not _there(repository, file, watch)]
        if lacking and repository.by_name:  # the cache alone does not know the size of a damaged file
            names = {file.name for file in lacking}
            lacking = [file for file in files_of(repository, watch, ask=True) if file.name in names]
        for file in lacking:
            _fetch(repository, file, watch)
        _link(repository, files, watch)
        _obtained.add(repository)
    return linked(repository.name, repository.kind, repository.revision)


def missing_bytes(repository: Repository, files: list[HubFile]) -> int:
    """What is still to come, by the sizes of the files in the cache."""
    missing = 0
    for file in files:
        path, part = _path(repository, file), _part(repository, file)
        if not path.is_file() or path.stat().st_size != file.size:
            missing += file.size - (part.stat().st_size if part.is_file() else 0)
    return missing


def _path(repository: Repository, file: HubFile) -> Path:
    """A file under its own name, else (another commit has the same) under its checksum."""
    path = linked(repository.name, repository.kind, repository.revision) / file.name
    return path if path.exists() else _blob(repository, file)


def _blob(repository: Repository, file: HubFile) -> Path:
    return storage(repository.name, repository.kind) / "blobs" / (file.checksum or file.name)


def _part(repository: Repository, file: HubFile) -> Path:
    """What has come of a file, under a name that no tool takes for the file."""
    blob = _blob(repository, file)
    return blob.with_name(f"{blob.name}.lottery.incomplete")


def _there(repository: Repository, file: HubFile, watch: Watch) -> bool:
    """Whether a file is in the cache, whole and right; one that is not is removed.

    Raises:
        InputError: it is damaged and cannot be fetched again, or cannot be removed.
    """
    path = _path(repository, file)
    if not path.is_file():
        return False
    if not (wrong := _wrong(path, file)):
        watch.found(file.size)
        return True
    if constants.is_offline_mode():
        raise InputError(
            f"{file.name} of {repository.place} is damaged in the cache ({wrong}): run `lottery fetch` where there is "
            f"a network, or remove {path}"
        )
    watch.note(f"{file.name} is damaged in the cache ({wrong}): removed, to be fetched again")
    with explained(repository.name, f"{file.name} of {repository.place}"):
        for one in {path.resolve(), path, _blob(repository, file)}:
            one.unlink(missing_ok=True)
    return False


def _wrong(path: Path, file: HubFile) -> str:
    """What is wrong with a file's bytes; nothing, where the hub's size and checksum are theirs."""
    size = path.stat().st_size
    if size != file.size:
        return f"{size:,} bytes, the hub has {file.size:,}"
    if file.checksum and (found := checksum(path, file.checksum)) != file.checksum:
        return f"its {named(found)}, the hub's {named(file.checksum)}"
    return ""


def _fetch(repository: Repository, file: HubFile, watch: Watch) -> None:
    if constants.is_offline_mode():
        raise InputError(not_here(repository, file.name))
    blob, part = _blob(repository, file), _part(repository, file)
    place = f"{file.name} of {repository.place}"
    with explained(repository.name, place), _alone(repository, file):
        if blob.is_file():  # another process was faster
            if not _wrong(blob, file):
                watch.found(file.size)
                return
            blob.unlink()
        part.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(2):
            transfer(repository, file, part, watch)
            if not (wrong := _wrong(part, file)):
                os.replace(part, blob)
                return
            part.unlink()
            watch.lost(file.size)
            watch.note(f"{file.name} came damaged ({wrong}) and was removed")
    raise InputError(
        f"{place} came damaged twice ({wrong}) and was removed: a proxy or a mirror on the way may be changing it"
    )


def _alone(repository: Repository, file: HubFile) -> AbstractContextManager[object]:
    """The lock that huggingface_hub takes for the same file."""
    name = f"{_blob(repository, file).name}.lock"
    lock = cache_folder() / ".locks" / storage(repository.name, repository.kind).name / name
    lock.parent.mkdir(parents=True, exist_ok=True)
    return WeakFileLock(lock)


def _link(repository: Repository, files: list[HubFile], watch: Watch) -> None:
    """Give the checked files their names; the cache then remembers what the hub stated, for offline."""
    folder = linked(repository.name, repository.kind, repository.revision)
    if all((folder / file.name).is_file() for file in files):
        return
    if constants.is_offline_mode():
        raise InputError(not_here(repository, "the names of its files"))
    names, kind, revision = [file.name for file in files], repository.kind, repository.revision

    def link() -> None:
        if repository.by_name:
            for name in names:
                hf_hub_download(repository.name, name, repo_type=kind, revision=revision)
        else:
            snapshot_download(repository.name, repo_type=kind, revision=revision, allow_patterns=names)

    with explained(repository.name, repository.place):
        retried(link, watch)
