"""What records will say of where they were made: image, versions, commit."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from suite.doctor.finding import Finding, ok, warn
from suite.plugins import Registry
from suite.runtime import Runtime


def image(around: Runtime, environ: Mapping[str, str], digest: str | None) -> Finding:
    """The image's digest, as records will have it. The suite's images set LOTTERY_COMMIT."""
    if digest:
        return ok("image", digest)
    if around.container and "LOTTERY_COMMIT" in environ:
        return warn(
            "image",
            f"in {around.container}, and its digest is not known: records will not name the image",
            "set LOTTERY_IMAGE_DIGEST in the container's environment",
        )
    return ok("image", f"not in an image of the suite{f' (in {around.container})' if around.container else ''}")


def plugins(registries: Iterable[Registry[Any]]) -> Iterator[Finding]:
    """What other packages add, and what of it does not work. Each is imported."""
    for registry in registries:
        for what, fault in registry.installed():
            yield (ok("plug-in", what) if fault is None else warn("plug-in", fault, "see docs/extend.md"))


def versions(suite: str, libraries: Mapping[str, str], commit: str | None) -> Iterator[Finding]:
    """Suite, torch, transformers, Python; and the commit."""
    known = ", ".join(f"{name} {libraries[name]}" for name in ("torch", "transformers") if name in libraries)
    yield ok("versions", f"suite {suite}, {known}, Python {platform.python_version()}")
    if commit is None:
        yield warn("commit", "not known: records will not name it", "run from a clone, or set LOTTERY_COMMIT")
    elif commit.endswith("+"):
        cure = "commit the changes if others are to reproduce the numbers"
        yield warn("commit", f"{commit[:12]}, and files of the suite differ from it", cure)
    else:
        yield ok("commit", commit[:12])
