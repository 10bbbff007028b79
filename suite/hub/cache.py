"""Where files of the hub lie on this disk: huggingface_hub's own cache, so that every other tool finds them too."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.file_download import repo_folder_name


def cache_folder() -> Path:
    """$HF_HUB_CACHE, else $HF_HOME/hub."""
    return Path(constants.HF_HUB_CACHE).expanduser()


def storage(name: str, kind: str) -> Path:
    """The folder of one repository: its blobs under their checksums, and links to them for every commit."""
    return cache_folder() / repo_folder_name(repo_id=name, repo_type=kind)


def linked(name: str, kind: str, revision: str) -> Path:
    """The folder of a commit, with files under their own names."""
    return storage(name, kind) / "snapshots" / revision
