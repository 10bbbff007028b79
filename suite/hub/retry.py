"""Trying again: what passes by itself (a lost connection, a busy hub) is waited for a few times, then told."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import httpx2 as httpx
from huggingface_hub.errors import HfHubHTTPError

WAITS = (1.0, 2.0, 4.0, 8.0)  # seconds before each further attempt
BUSY = {408, 429, 500, 502, 503, 504}

T = TypeVar("T")


class Watch(Protocol):
    """Whoever wants to be told how fetching goes."""

    def found(self, size: int) -> None:
        """So many bytes more were there already."""

    def fetched(self, size: int) -> None:
        """So many bytes more came over the network."""

    def lost(self, size: int) -> None:
        """So many bytes have to come again."""

    def note(self, words: str) -> None:
        """Something went wrong, and what is done about it."""


class Unwatched:
    """Nobody wants to be told."""

    def found(self, size: int) -> None: ...
    def fetched(self, size: int) -> None: ...
    def lost(self, size: int) -> None: ...
    def note(self, words: str) -> None: ...


def retried(
    attempt: Callable[[], T],
    watch: Watch,
    reached: Callable[[], int] = lambda: 0,
    waits: Sequence[float] | None = None,
) -> T:
    """The result of an attempt, made again after each of the waits in `waits` (seconds; usually WAITS).

    `reached` (bytes) growing between two attempts starts the waits anew.
    """
    waits = WAITS if waits is None else waits
    left, before = list(waits), reached()
    while True:
        try:
            return attempt()
        except (httpx.HTTPError, OSError) as error:
            if not passes(error):
                raise
            if (now := reached()) > before:
                left, before = list(waits), now
            if not left:
                raise
            watch.note(f"{cause(error)}; trying again in {left[0]:g} s")
            time.sleep(left.pop(0))


def passes(error: Exception) -> bool:
    """Whether another attempt may help."""
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in BUSY
    return isinstance(error, httpx.TransportError) or "Consistency check failed" in str(error)


def cause(error: Exception) -> str:
    """What happened, in a few words."""
    if isinstance(error, HfHubHTTPError):
        return f"the hub answered {error.response.status_code} {error.response.reason_phrase}".rstrip()
    if isinstance(error, httpx.TimeoutException):
        return "the hub did not answer in time"
    if isinstance(error, httpx.ConnectError):
        return "the hub cannot be reached"
    if isinstance(error, httpx.TransportError) or "Consistency check failed" in str(error):
        return "the connection was cut"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
