"""A model's file and the places that have it. Nothing is imported here that takes time."""

from __future__ import annotations

from dataclasses import dataclass

from suite.package_index import PackageSource


@dataclass(frozen=True, slots=True)
class HubFileSource:
    """One file of a repository of the Hugging Face hub at a pinned commit."""

    repository: str
    revision: str
    file: str

    @property
    def place(self) -> str:
        return f"{self.repository} at {self.revision[:12]}"


Source = HubFileSource | PackageSource


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A file by its content: the same bytes from any of its sources, which are tried in this order.

    `sha256` None is for a single source on the hub, which states it. `bytes` is None where it is not known beforehand.
    """

    sha256: str | None
    bytes: int | None
    sources: tuple[Source, ...]
