"""Where a file lies in a package index. Nothing is imported here that takes time: the catalogue of models has these."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PackageSource:
    """A file inside a wheel; or one whose parts lie in several wheels, joined in the order of `packages`.

    `file` is the path inside the wheel. For several packages it is a pattern as in a shell, which fits exactly one file
    of each.
    """

    packages: tuple[str, ...]
    version: str
    file: str

    @property
    def place(self) -> str:
        if len(self.packages) == 1:
            return f"{self.packages[0]} {self.version}"
        return f"{len(self.packages)} packages, {self.packages[0]} to {self.packages[-1]} {self.version}"
