"""The Hugging Face hub: files at pinned revisions, with errors a user can act on. No code of the hub is ever run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
from huggingface_hub import hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from suite.errors import InputError

MODEL_FILES = ["config.json", "generation_config.json", "*.safetensors", "*.safetensors.index.json", "*tokenizer*"]
MODEL_FILES += ["vocab.json", "merges.txt", "special_tokens_map.json", "added_tokens.json"]


@contextmanager
def explained(repository: str, revision: str) -> Iterator[None]:
    """Turn what the hub's client raises into one sentence with a cure."""
    place = f"{repository} at revision {revision}"
    try:
        yield
    except GatedRepoError as error:
        raise InputError(
            f"{repository} is gated: accept its licence at https://huggingface.co/{repository} "
            "and set HF_TOKEN to a token of that account"
        ) from error
    except RepositoryNotFoundError as error:
        raise InputError(
            f"the hub has no repository {repository}, or it is private: check its name, or set HF_TOKEN"
        ) from error
    except RevisionNotFoundError as error:
        raise InputError(f"the hub has no {place}: check the revision") from error
    except LocalEntryNotFoundError as error:
        raise InputError(
            f"{place} is not in the cache, and the hub cannot be reached: fetch it where there is a network "
            "(and copy $HF_HOME), or unset HF_HUB_OFFLINE"
        ) from error
    except EntryNotFoundError as error:
        raise InputError(f"{place} lacks a file: {str(error).splitlines()[0]}") from error
    except (HfHubHTTPError, httpx.HTTPError, OfflineModeIsEnabled, OSError) as error:
        raise InputError(f"the hub did not give {place}: {str(error).splitlines()[0]}; try again") from error


def fetch_file(repository: str, revision: str, name: str) -> Path:
    """One file of a repository, from the cache or the hub.

    Raises:
        InputError: it cannot be had; the sentence says why.
    """
    with explained(repository, revision):
        return Path(hf_hub_download(repository, name, revision=revision))


def fetch_model(repository: str, revision: str) -> Path:
    """The directory of a model's configuration, safetensors and tokenizer, from the cache or the hub.

    Raises:
        InputError: it cannot be had, or it has no safetensors.
    """
    with explained(repository, revision):
        folder = Path(snapshot_download(repository, revision=revision, allow_patterns=MODEL_FILES))
    if not any(folder.glob("*.safetensors")):
        raise InputError(f"{repository} at revision {revision} has no .safetensors file; pickles are refused")
    return folder
