"""Memory that a step of a model frees is there for its next step, and not fetched from the system again.

glibc gives large blocks back as they are freed, and the system fills every page with zeros when it is touched anew: for
what lies between a model's layers, megabytes a tensor, that takes longer than to compute it. Giving back what is free
between two of them (`malloc_trim`) costs a system call for each hole, so that it is done once, by the outermost.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

TRIM, MMAP = -1, -3  # mallopt's M_TRIM_THRESHOLD and M_MMAP_THRESHOLD
LARGEST = 2**30  # bytes, of a block that is kept; at twice as many glibc takes none at all
BEFORE = 32 * 2**20  # bytes: where glibc's own threshold ends as a process runs; it trims at twice as many
_inside = 0  # how many are entered


@contextmanager
def retained_malloc() -> Iterator[None]:
    """Have the process keep the memory it frees while inside; what is free on leaving goes back to the system.

    May be nested: the outermost does it. Does nothing where the C library is not glibc. Of threads other than
    the first, large blocks go back all the same.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "malloc_trim"):  # glibc's own
        yield
        return
    global _inside
    if not _inside:
        library.mallopt(MMAP, LARGEST)
        library.mallopt(TRIM, -1)  # never
    _inside += 1
    try:
        yield
    finally:
        _inside -= 1
        if not _inside:
            library.mallopt(MMAP, BEFORE)
            library.mallopt(TRIM, 2 * BEFORE)
            library.malloc_trim(0)
