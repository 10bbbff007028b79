"""Whether a file of a package index could not be asked for at all: tests of real models are skipped only then."""

from __future__ import annotations

import re

from suite.errors import InputError

_UNREACHABLE = re.compile(
    r"the package index at \S* cannot be reached for |nor the Python it was made from has pip|"
    r" is not in the cache .*, and HF_HUB_OFFLINE is set"
)


def unreachable(error: InputError) -> bool:
    """Not where the index, or another source, gave something that is wrong."""
    return bool(_UNREACHABLE.search(str(error))) and "is another file" not in str(error)
