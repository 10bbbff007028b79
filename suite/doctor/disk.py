"""What is still to be fetched, whether it can be, and whether the disks hold it and the results."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from suite.bench.work import ITEM_BYTES
from suite.doctor.finding import Finding, fail, ok, warn
from suite.errors import InputError
from suite.manifest import Study, weights_files
from suite.needs import Need, few, free_bytes, gigabytes
from suite.package_index import PackageSource
from suite.room import CURE, Room, by_disk
from suite.training.levels import STOOD_ON
from suite.weights import WeightsFile

RECORD_BYTES = 40_000  # of one experiment's file, with every window's loss
NETWORK_BYTES = 5  # of a weight of a network that is kept: float32, and its mask


@dataclass(frozen=True, slots=True)
class Stock:
    """How a model or text stands: its bytes, those missing in the cache, why they cannot be had, and what to do without
    the hub.

    `whence` is where it comes from, as the end of a sentence; `room` what its cache's disk has to hold for it yet.
    """

    name: str
    size: int
    missing: int
    trouble: str | None = None
    otherwise: str = ""
    whence: str = ", the hub answers"
    room: Room | None = None


def take_stock(needs: list[Need]) -> list[Stock]:
    """Look what is in the cache; the hub is asked, once and briefly, about what is not remembered or not there.
    A package index is not asked."""
    from huggingface_hub.constants import is_offline_mode

    from suite.hub.cache import cache_folder
    from suite.hub.explained import unreachable
    from suite.hub.obtain import missing_bytes
    from suite.hub.repository import files_of, remembered
    from suite.hub.retry import Unwatched

    offline = "HF_HUB_OFFLINE is set" if is_offline_mode() else ""
    found, silent = [], offline
    for need in dict.fromkeys(needs):
        if need.weights is not None:
            found.append(_of_file(need.name, need.weights, offline))
        if need.repository is None:
            continue
        trouble, files = None, remembered(need.repository) or []
        if not files or missing_bytes(need.repository, files):
            try:
                files = files_of(need.repository, Unwatched(), ask=bool(files) and not silent, waits=())
            except InputError as error:
                trouble = str(error)
                if unreachable(error):
                    silent = "the hub cannot be reached"  # the other models need not wait for it
        missing = missing_bytes(need.repository, files)
        if silent and (missing or not files):
            trouble = silent
        size = sum(file.size for file in files)
        room = Room(cache_folder(), missing)
        found.append(Stock(need.name, size, missing, trouble, need.otherwise, room=room))
    return found


def _of_file(name: str, weights: WeightsFile, offline: str) -> Stock:
    from suite.weights.obtain import cache_of, disk_needed, in_cache, missing

    coming, path = missing(weights) or 0, in_cache(weights)
    size = path.stat().st_size if path else weights.bytes or 0
    trouble = offline if coming and offline else None
    whence = " from a package index" if isinstance(weights.sources[0], PackageSource) else " from the hub"
    return Stock(name, size, coming, trouble, whence=whence, room=Room(cache_of(weights), disk_needed(weights)))


def undescribed(manifest: Path) -> Iterator[Finding]:
    """The models of a manifest that are described by nothing but a file that is not in the cache, or is damaged there.
    The manifest is not read without it, and to read it would fetch it.

    Raises:
        InputError: the manifest does not read.
    """
    from suite.weights.obtain import damaged, in_cache

    for name, weights in weights_files(manifest):
        if in_cache(weights) is None:
            why = "is not in the cache"
        elif damaged(weights):
            why = "is damaged in the cache"
        else:
            continue
        found = f"model {name!r} of {manifest} is described by its file, which {why}"
        yield fail("hub", found, f"`lottery fetch {manifest}` brings it")


def hub(stocks: list[Stock]) -> Iterator[Finding]:
    """Models and texts in the cache at their pinned revisions, to be had, or not; those alike are told together."""
    if there := [stock for stock in stocks if not stock.missing and not stock.trouble]:
        size = sum(stock.size for stock in there)
        yield ok("hub", f"{few(stock.name for stock in there)}: in the cache, {gigabytes(size)}")
    for whence in dict.fromkeys(stock.whence for stock in stocks if stock.missing and not stock.trouble):
        coming = [stock for stock in stocks if stock.missing and not stock.trouble and stock.whence == whence]
        missing = sum(stock.missing for stock in coming)
        found = f"{few(stock.name for stock in coming)}: {gigabytes(missing)} to be fetched{whence}"
        yield warn("hub", found, "`lottery fetch` brings it now; `lottery run` would too, before it starts")
    for trouble in dict.fromkeys(stock.trouble for stock in stocks if stock.trouble):
        lacking = [stock for stock in stocks if stock.trouble == trouble]
        cure = "run `lottery fetch` with the manifest where there is a network, with the same HF_HOME"
        for stock in lacking:
            cure += f"; or, for {stock.name}, {stock.otherwise}" if stock.otherwise else ""
        names = few(stock.name for stock in lacking)
        yield fail("hub", f"{names}: not complete in the cache, and {trouble}", cure)


def texts(needs: list[Need]) -> Iterator[Finding]:
    """Texts that no file holds and no hub gives, and those that two files hold."""
    for need in dict.fromkeys(needs):
        if need.trouble:
            yield fail("text", need.trouble, need.otherwise)


def caches_room(rooms: Iterable[Room]) -> Iterator[Finding]:
    """The disks of the caches against what fetching and dequantising needs of each."""
    for room in by_disk(rooms):
        free = free_bytes(room.folder)
        found = f"it takes {room}, {gigabytes(free)} free for {room.folder}"
        yield ok("disk", found) if room.needed <= free else fail("disk", found, CURE)


def conversions(studies: list[Study]) -> Iterator[Finding]:
    """Models of GGUF files that are dequantised in the cache, and those that are not yet."""
    from suite.gguf.cache import missing_bytes
    from suite.paths import model_cache

    models = {model.gguf: model for study in studies for model in study.models if model.gguf is not None}
    coming = {model.name: missing for model in models.values() if (missing := missing_bytes(model))}
    if there := [model.name for model in models.values() if model.name not in coming]:
        yield ok("gguf", f"{few(there)}: dequantised, in {model_cache()}")
    if coming:
        yield ok("gguf", f"{few(coming)}: {gigabytes(sum(coming.values()))} once dequantised, in {model_cache()}")


def results_bytes(study: Study) -> int:
    """What a study's records take, and the networks that are kept beside them for trainings that stand on them; where
    sizes are measured, the largest model is written there for a moment."""
    searched = sum(sum(search.most) for search in study.searches)
    written = [
        study.model(one.model).anatomy.weights * ITEM_BYTES[study.model(one.model).stored_dtype]
        for one in study.experiments
        if "size" in one.measure
    ]
    kept = sum(
        NETWORK_BYTES * study.model(one.model).anatomy.weights
        for one in study.experiments
        if one.training is not None and one.training.arm in STOOD_ON
    )
    return (len(study.experiments) + searched) * RECORD_BYTES + kept + max(written, default=0)


def results(folder: Path, needed: int) -> Finding:
    """Whether the records' folder can be written, and has room for them (bytes); nothing is left behind."""
    there = folder.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    cure = "name another folder with --results DIR"
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        return fail("results", f"{folder.absolute()} cannot be written: {error.strerror}", cure)
    free = free_bytes(there)
    found = f"{folder.absolute()} can be written, {gigabytes(free)} free"
    if not needed:
        return ok("results", found)
    found += f" and about {gigabytes(needed)} needed"
    return ok("results", found) if needed <= free else fail("results", found, f"make room, or {cure}")
