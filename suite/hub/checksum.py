"""The two checksums of the hub: SHA-256 of a large file (LFS), git's SHA-1 of a small one."""

from __future__ import annotations

import hashlib
from pathlib import Path


def checksum(path: Path, like: str) -> str:
    """The checksum of a file, of the kind that `like` is: 64 hexadecimal digits of SHA-256, else git's SHA-1."""
    with path.open("rb") as file:
        if len(like) == 64:
            return hashlib.file_digest(file, "sha256").hexdigest()
        header = f"blob {path.stat().st_size}\0".encode()
        return hashlib.file_digest(file, lambda: hashlib.sha1(header, usedforsecurity=False)).hexdigest()


def named(digest: str) -> str:
    """A checksum as it is said in a sentence: its kind and how it begins."""
    return f"{'SHA-256' if len(digest) == 64 else 'git SHA-1'} {digest[:12]}"
