"""What is to be fetched, before anything comes: how large it is, what disk holds it, and how to bring it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from suite.needs import Need
from suite.room import Room

if TYPE_CHECKING:
    from suite.hub import Repository
    from suite.hub.retry import Watch
    from suite.weights import WeightsFile


@dataclass(frozen=True)
class Listed:
    """A model or text that is fetched: its bytes (0: not known), and what its cache's disk has to hold for it yet.

    `bring` fetches it, and says by whose word it is right.
    """

    need: Need
    size: int
    room: Room
    bring: Callable[[Watch], str]


def listing(need: Need, watch: Watch, *, ask: bool) -> Listed:
    """Look up what a need comes to.

    Args:
        ask: ask the hub even where the cache remembers what it stated.

    Raises:
        InputError: the hub does not say.
    """
    if need.weights is not None:
        return _file(need, need.weights, watch)
    assert need.repository is not None
    return _repository(need, need.repository, watch, ask)


def _repository(need: Need, repository: Repository, watch: Watch, ask: bool) -> Listed:
    from suite.hub.cache import cache_folder
    from suite.hub.obtain import missing_bytes, obtain
    from suite.hub.repository import files_of

    files = files_of(repository, watch, ask=ask)

    def bring(watch: Watch) -> str:
        obtain(repository, files, watch)
        return f"; every checksum is the hub's ({repository.name} at {repository.revision[:12]})"

    return Listed(need, sum(file.size for file in files), Room(cache_folder(), missing_bytes(repository, files)), bring)


def _file(need: Need, weights: WeightsFile, watch: Watch) -> Listed:
    from suite.weights.obtain import cache_of, disk_needed, obtain_from, stated

    known = stated(weights, watch)

    def bring(watch: Watch) -> str:
        _, source = obtain_from(known, watch)
        whose = "as pinned" if weights.sha256 else "the hub's"
        return f", SHA-256 {whose}" + (f" ({source.place})" if source else "")

    return Listed(need, known.bytes or 0, Room(cache_of(known), disk_needed(known)), bring)
