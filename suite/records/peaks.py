"""Peaks of memory, as several sections of a record hold them."""

from __future__ import annotations

from suite.records.experiment import Count, Part


class Peaks(Part):
    """Bytes at most: what the framework allocated and reserved on the GPUs, or the process's resident set on the host
    (None where the system does not let it be reset)."""

    allocated_bytes: Count | None = None
    reserved_bytes: Count | None = None
    rss_bytes: Count | None = None

    @property
    def bytes(self) -> int | None:
        return self.allocated_bytes if self.allocated_bytes is not None else self.rss_bytes
