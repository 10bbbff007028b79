"""GGUF files as model directories in the cache: each is converted once, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from suite.bench.work import ITEM_BYTES
from suite.errors import InputError
from suite.gguf.header import Header, read_header
from suite.gguf.tokenizer import SETTINGS, TOKENIZER
from suite.models.header import safetensors_header
from suite.models.source import ModelSource, files_digest, from_folder
from suite.needs import free_bytes, gigabytes
from suite.paths import model_cache
from suite.records.experiment import digest
from suite.room import CURE, Room

if TYPE_CHECKING:
    from suite.gguf.convert import Progress

FORMAT = 1  # of what `convert` writes; raised when the same file becomes another directory
MADE_BY = ("gguf", "transformers", "tokenizers")
LEFT_BEHIND = 24 * 3600  # seconds after which an unfinished folder is nobody's any more
BESIDE_WEIGHTS = ("config.json", TOKENIZER, SETTINGS)  # what a model is not loaded without
TOKENIZER_SHARE = 4  # a tokenizer.json's bytes over those of the header that holds the same vocabulary, at most


def gguf_folder(source: ModelSource, progress: Progress | None = None) -> Path:
    """The directory of a model that comes from a GGUF file, checked as any other directory is.

    Raises:
        InputError: the file cannot be had or converted, or its directory is not the model of the file's header.
    """
    assert source.gguf is not None
    folder = converted(located(source), source.gguf.sha256, progress, source.gguf.tokenizer)
    found = from_folder(source.name, folder, revision=source.revision, parts=source.parts).anatomy
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
    """About how many bytes the cache still lacks of a model's directory: none where it does not come from a GGUF file.

    Nothing is fetched, checked or removed for it.
    """
    if source.gguf is None or is_whole(folder_of(source.gguf.sha256, source.gguf.tokenizer)):
        return 0
    return source.anatomy.weights * ITEM_BYTES["float32"]


def rooms(models: Iterable[ModelSource]) -> list[Room]:
    """What the cache's disk has to hold yet of models, those of one file once."""
    of_files = {model.gguf: model for model in models}.values()
    return [Room(model_cache(), converted=missing_bytes(model)) for model in of_files]


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
    """Whether the directory is there with all its files, and its weights are as long as they say."""
    if not all((folder / name).is_file() for name in BESIDE_WEIGHTS):
        return False
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
    """Remove what killed processes left behind: unfinished folders in which nothing was written for a day, and that no
    process holds the lock of. The lock alone does not tell: not every shared disk carries it to other machines."""
    from filelock import Timeout
    from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]

    unfinished = list(root.glob(".*.tmp"))
    with tempfile.TemporaryFile(dir=root) as probe:
        now = os.fstat(probe.fileno()).st_mtime  # the file system's clock, not this machine's
    for left in unfinished:
        name = left.name[1:].rpartition("-")[0]
        with contextlib.suppress(Timeout, FileNotFoundError):  # it is being made, or is there no more
            if now - max(path.stat().st_mtime for path in (left, *left.iterdir())) > LEFT_BEHIND:
                with WeakFileLock(locks / f"{name}.lock", timeout=0.1):
                    shutil.rmtree(left, ignore_errors=True)
