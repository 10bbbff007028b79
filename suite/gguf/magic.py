"""What a file that claims to be GGUF is instead, from its first bytes."""

from __future__ import annotations

MAGIC = b"GGUF"
_OTHERS = {
    b"PK": "it is a zip archive, as PyTorch saves pickles, which can run code and are refused",
    b"\x80": "it is a pickle, which can run code and is refused",
    b"version https://g": "it is a pointer of Git LFS; `git lfs pull` fetches the file itself",
    b"<": "it is a page of a web site; download the file itself",
    **dict.fromkeys((b"lmgg", b"fmgg", b"tjgg", b"algg"), "it is of the older GGML format; convert it with llama.cpp"),
}


def described(start: bytes) -> str:
    """In words, from a file's first 16 bytes."""
    if not start:
        return "it is empty"
    for magic, words in _OTHERS.items():
        if start.startswith(magic[:16]):
            return words
    if start[8:9] == b"{":
        return "it is a safetensors file; give the directory of its model, with its config.json and tokenizer"
    return f"it begins with {start[:4]!r} in place of {MAGIC!r}"
