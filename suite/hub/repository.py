"""What of a repository is wanted, and what the hub states about it: names, sizes, checksums."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Literal

from huggingface_hub import HfApi, constants, get_cached_repo_tree, get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import CachedRepoTreeNotFoundError, EntryNotFoundError, LocalEntryNotFoundError

from suite.errors import InputError
from suite.hub.cache import linked
from suite.hub.explained import explained, unreachable
from suite.hub.retry import Watch, retried

CONFIGURATION = ("config.json", "generation_config.json")
WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
TOKENIZER = ("*tokenizer*", "vocab.json", "merges.txt", "special_tokens_map.json", "added_tokens.json")
MODEL_FILES = (*CONFIGURATION, *WEIGHTS, *TOKENIZER)
COMMIT = re.compile("[0-9a-f]{40}")
BLOB = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Repository:
    """The wanted files of a repository at a pinned commit; `patterns` as in a shell."""

    name: str
    revision: str
    patterns: tuple[str, ...]
    kind: Literal["model", "dataset"] = "model"

    @property
    def place(self) -> str:
        return f"{self.name} at revision {self.revision}"

    @property
    def by_name(self) -> bool:
        """Whether every wanted file is named: a dataset may have so many that listing them takes minutes."""
        return not any(character in pattern for pattern in self.patterns for character in "*?[")


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file as the hub states it: its bytes, and the SHA-256 of a large file or git's SHA-1 of a small one.

    The checksum is also what the file is called in the cache.
    """

    name: str
    size: int
    checksum: str


def model_repository(name: str, revision: str) -> Repository:
    """A model's configuration, safetensors and tokenizer; nothing that could run."""
    return Repository(name, revision, MODEL_FILES)


def files_of(
    repository: Repository, watch: Watch, *, ask: bool = False, waits: Sequence[float] | None = None
) -> list[HubFile]:
    """The wanted files, from what the cache remembers of the commit, else from the hub.

    Args:
        ask: ask the hub even where the cache remembers (unless offline).
        waits: seconds to wait before each further attempt to ask.

    Raises:
        InputError: the hub does not give them, the revision is no commit, or a wanted file is not among them.
    """
    offline = constants.is_offline_mode()
    known = None if ask and not offline else remembered(repository)
    if known is None and not offline:
        try:
            known = _stated(repository, watch, waits)
        except InputError as error:
            if (
                ask
                or not unreachable(error)
                or not linked(repository.name, repository.kind, repository.revision).is_dir()
            ):
                raise
    if known is None:
        known = _lying_there(repository)
    if not known:
        raise InputError(f"{repository.place} lacks a file: {', '.join(repository.patterns)}; check name and revision")
    if repository.patterns == MODEL_FILES and not any(file.name.endswith(".safetensors") for file in known):
        raise InputError(f"{repository.place} has no .safetensors file; pickles are refused")
    return known


def remembered(repository: Repository) -> list[HubFile] | None:
    """What the hub once stated about the commit, which cannot change; None where the cache does not know."""
    try:
        tree = get_cached_repo_tree(repository.name, repo_type=repository.kind, revision=repository.revision)
    except (CachedRepoTreeNotFoundError, LocalEntryNotFoundError):
        return _linked_there(repository) if repository.by_name else None
    return _wanted(repository, [HubFile(f.path, f.size, f.lfs.sha256 if f.lfs else f.blob_id) for f in tree])


def _stated(repository: Repository, watch: Watch, waits: Sequence[float] | None) -> list[HubFile]:
    def one_by_one() -> tuple[str | None, list[HubFile]]:
        commit, files = None, []
        for name in repository.patterns:
            url = hf_hub_url(repository.name, name, repo_type=repository.kind, revision=repository.revision)
            try:
                about = get_hf_file_metadata(url)
            except EntryNotFoundError as error:
                raise InputError(f"{repository.place} lacks a file: {name}; check name and revision") from error
            commit = about.commit_hash
            files.append(HubFile(name, about.size or 0, about.etag or ""))
        return commit, files

    def ask() -> tuple[str | None, list[HubFile]]:
        if repository.by_name:
            return one_by_one()
        about = HfApi().model_info if repository.kind == "model" else HfApi().dataset_info
        info = about(repository.name, revision=repository.revision, files_metadata=True)
        return info.sha, [
            HubFile(f.rfilename, f.size or 0, f.lfs.sha256 if f.lfs else f.blob_id or "") for f in info.siblings or ()
        ]

    with explained(repository.name, repository.place):
        commit, files = retried(ask, watch, waits=waits)
    if commit != repository.revision:
        what = "leads to another commit" if COMMIT.fullmatch(repository.revision) else "is a name that can move"
        raise InputError(
            f"revision {repository.revision!r} of {repository.name} {what}: the hub has {commit} there now; pin the "
            "commit, as `revision:`"
        )
    return _wanted(repository, files)


def _linked_there(repository: Repository) -> list[HubFile] | None:
    """Named files of the commit in the cache, if all are there under their checksums."""
    folder = linked(repository.name, repository.kind, repository.revision)
    files = []
    for name in repository.patterns:
        blob = (folder / name).resolve()
        if not (blob.is_file() and BLOB.fullmatch(blob.name)):
            return None
        files.append(HubFile(name, blob.stat().st_size, blob.name))
    return files


def _lying_there(repository: Repository) -> list[HubFile]:
    """Without a network or the hub's word: the files of the commit that are in the cache, by the names they have there.

    Raises:
        InputError: there are none.
    """
    folder = linked(repository.name, repository.kind, repository.revision)
    files = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            blob = path.resolve()
            checksum = blob.name if BLOB.fullmatch(blob.name) else ""
            files.append(HubFile(path.relative_to(folder).as_posix(), blob.stat().st_size, checksum))
    if not files:
        raise InputError(not_here(repository))
    names = {file.name for file in files}
    for index in folder.glob("*.safetensors.index.json"):
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        if lacking := sorted(shards - names):
            raise InputError(not_here(repository, lacking[0]))
    found = _wanted(repository, files)
    if repository.by_name and not found:
        raise InputError(not_here(repository, ", ".join(repository.patterns)))
    return found


def not_here(repository: Repository, name: str = "") -> str:
    """Why offline something cannot be had, and the cure."""
    lacking = f" (it lacks {name})" if name else ""
    return (
        f"{repository.place} is not in the cache {constants.HF_HUB_CACHE}{lacking}, and HF_HUB_OFFLINE is set: run "
        "`lottery fetch` with the manifest where there is a network, with the same HF_HOME"
    )


def _wanted(repository: Repository, files: list[HubFile]) -> list[HubFile]:
    if repository.kind == "model":  # a file in a folder is wanted only by its full name
        files = [file for file in files if "/" not in file.name or file.name in repository.patterns]
    return [file for file in files if any(fnmatch(file.name, pattern) for pattern in repository.patterns)]
