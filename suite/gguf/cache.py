"""GGUF files as model directories in the cache: each is converted once, whole or not at all."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from suite.bench.work import ITEM_BYTES
from suite.errors import InputError
from suite.gguf.header import Header, read_header
from suite.models.source import ModelSource, files_digest, from_folder, safetensors_header
from suite.needs import free_bytes, gigabytes
from suite.paths import model_cache
from suite.records.experiment import digest

if TYPE_CHECKING:
    from suite.gguf.convert import Progress

FORMAT = 1  # of what `convert` writes; raised when the same file becomes another directory
MADE_BY = ("gguf", "transformers", "tokenizers")
CURE = "make room, or set HF_HOME to a folder on a larger disk"
TOKENIZER_SHARE = 4  # a tokenizer.json's bytes over those of the header that holds the same vocabulary, at most


def gguf_folder(source: ModelSource, progress: Progress | None = None) -> Path:
    """The directory of a model that comes from a GGUF file, checked as any other directory is.

    Raises:
        InputError: the file cannot be had or converted, or its directory is not the model of the file's header.
    """
    assert source.gguf is not None
    folder = converted(located(source), source.gguf.sha256, progress, source.gguf.tokenizer)
    found = from_folder(source.name, folder, revision=source.revision).anatomy
    if (found.parameters, found.tied) != (source.anatomy.parameters, source.anatomy.tied):
        raise InputError(f"model {source.name!r}: {folder} is not the model of its GGUF file; remove it, and try again")
    return folder


def located(source: ModelSource) -> Path:
    """Where a model's GGUF file lies on this disk; one that several places have is fetched if it is not there.

    Raises:
        InputError: no place gives it.
    """
    assert source.gguf is not None
    if source.gguf.path is not None:
        return source.gguf.path
    from suite.weights.obtain import obtain_file

    assert source.weights is not None
    return obtain_file(source.weights)


def missing_bytes(source: ModelSource) -> int:
    """About how many bytes the cache still lacks of a model: none where it does not come from a GGUF file."""
    if source.gguf is None:
        return 0
    if source.gguf.path is None and source.weights is not None:
        from suite.weights.obtain import missing

        if missing(source.weights):
            return source.anatomy.weights * ITEM_BYTES["float32"]
    path = located(source)
    return 0 if is_whole(folder_of(source.gguf.sha256, source.gguf.tokenizer)) else converted_bytes(read_header(path))


def converted(path: Path, sha256: str, progress: Progress | None = None, tokenizer: tuple[Path, ...] = ()) -> Path:
    """The directory of a GGUF file's model, made now if the cache has none: weights in float32.

    Args:
        sha256: the file's own.
        tokenizer: the files that are taken in place of the file's own tokenizer.

    Raises:
        InputError: the file is not a model that the suite reads, or the cache cannot be written or has no room.
    """
    folder = folder_of(sha256, tokenizer)
    if is_whole(folder):
        return folder
    from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]

    try:
        (locks := folder.parent / ".locks").mkdir(parents=True, exist_ok=True)
        _sweep(folder.parent, locks)
        with WeakFileLock(locks / f"{folder.name}.lock"):
            if not is_whole(folder):  # another process may have made it meanwhile
                _make(read_header(path), folder, progress, tokenizer)
    except OSError as error:
        raise InputError(f"cannot write {folder.parent}: {error.strerror}; {CURE}") from error
    return folder


def folder_of(sha256: str, tokenizer: tuple[Path, ...] = ()) -> Path:
    """Where the directory is, or will be: named after the file, the tokenizer in place of its own and what makes it."""
    made_by = {name: version(name) for name in MADE_BY}
    made_of = {"format": FORMAT, "tokenizer": files_digest(tokenizer), **made_by}
    return model_cache() / f"{sha256}-{digest(made_of)[:16]}"


def is_whole(folder: Path) -> bool:
    """Whether the directory is there, and its weights are as long as they say."""
    try:
        return bool(safetensors_header(folder / "model.safetensors"))
    except InputError:
        return False


def converted_bytes(header: Header, dtype: str = "float32") -> int:
    """About how many bytes the directory of a file has, or will have."""
    weights = sum(tensor.weights for tensor in header.tensors)
    return weights * ITEM_BYTES[dtype] + TOKENIZER_SHARE * header.data_start


def check_room(header: Header, folder: Path, dtype: str = "float32", cure: str = CURE) -> None:
    """Refuse what the disk cannot hold.

    Raises:
        InputError: in one sentence, with both sizes.
    """
    needed, free = converted_bytes(header, dtype), free_bytes(folder)
    if needed > free:
        raise InputError(
            f"{header.path} takes {gigabytes(needed)} once it is dequantised, and the disk of {folder} has "
            f"{gigabytes(free)} free: {cure}"
        )


def _make(header: Header, folder: Path, progress: Progress | None, tokenizer: tuple[Path, ...]) -> None:
    from suite.gguf.convert import convert
    from suite.models.export import new_folder

    shutil.rmtree(folder, ignore_errors=True)  # damaged, if it is there
    check_room(header, folder)
    with new_folder(folder, CURE) as made:
        convert(header, made, progress=progress, tokenizer=tokenizer)


def _sweep(root: Path, locks: Path) -> None:
    """Remove what killed processes left behind: unfinished folders that no process holds the lock of."""
    from filelock import Timeout
    from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]

    for left in root.glob(".*.tmp"):
        name = left.name[1:].rpartition("-")[0]
        try:
            with WeakFileLock(locks / f"{name}.lock", timeout=0.1):
                shutil.rmtree(left, ignore_errors=True)
        except Timeout:  # it is being made
            continue
