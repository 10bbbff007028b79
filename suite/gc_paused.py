"""Python's search for cyclic garbage, which what is made in bulk and kept has no use for."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_paused() -> Iterator[None]:
    """Without the search: it goes through all that lives again and again, so that what makes ten thousand records and
    keeps them spends most of its time on it, the more the longer it goes on."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
