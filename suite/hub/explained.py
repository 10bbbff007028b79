"""What the hub's client raises, as one sentence with a cure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2 as httpx
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from suite.errors import InputError
from suite.hub.retry import cause, passes


@contextmanager
def explained(repository: str, place: str) -> Iterator[None]:
    """Turn an error of the hub into an InputError; `place` names the repository and its revision, or a file there."""
    try:
        yield
    except InputError:
        raise
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
    except OfflineModeIsEnabled as error:
        raise InputError(f"{place} is to be fetched, and HF_HUB_OFFLINE is set: unset it") from error
    except LocalEntryNotFoundError as error:
        raise InputError(f"the hub cannot be reached for {place}: try again") from error
    except EntryNotFoundError as error:
        raise InputError(f"the hub does not have {place} (404): check the revision") from error
    except HFValidationError as error:
        raise InputError(f"{repository!r} is no name of a repository: it is written owner/name") from error
    except (HfHubHTTPError, httpx.HTTPError) as error:
        raise InputError(f"the hub did not give {place}: {cause(error)}; {_cure(error)}") from error
    except UnicodeEncodeError as error:  # a request's header: all else in one is the suite's own
        raise InputError("HF_TOKEN holds a character that no token has: set it to a valid token") from error
    except OSError as error:
        why = error.strerror or str(error).splitlines()[0]
        raise InputError(f"cannot keep {place} in {error.filename or 'the cache'}: {why}") from error


def unreachable(error: InputError) -> bool:
    """Whether an explained error is of the way to the hub, and will meet every other file too."""
    return isinstance(error.__cause__, httpx.TransportError)


def _cure(error: Exception) -> str:
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    if status in (401, 403):
        return f"accept a licence if it has one, and set HF_TOKEN to a valid token (hub status {status})"
    if passes(error):
        return "try the same command later: what has come is kept"
    return "try again"
