"""One run of `lottery bench`: the machine's ceilings, then each stage of the suite beside its own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import torch

from suite import __version__
from suite.bench.ceilings import copy_bandwidth, matrix_rate, native_dtypes, read_speed
from suite.bench.measured import Ceiling, Measured, Stage, torch_version
from suite.bench.shapes import SHAPES, shaped, write_shape
from suite.bench.stages import Bench
from suite.bench.work import ITEM_BYTES
from suite.errors import InputError
from suite.interruption import stop_if_asked
from suite.machine import Machine, this_machine
from suite.models.anatomy import Anatomy
from suite.models.source import ModelSource, from_folder
from suite.needs import free_bytes, gigabytes

STORED = torch.bfloat16  # as most of the models that this is about
MOST_ON_HOST = 1_000_000_000  # parameters: with more, a processor keeps one waiting for many minutes
ROOM = 1.3  # times the weights that a model needs on its device while it is measured

Tell = Callable[[str], None]


def measure(source: ModelSource | None, dtypes: Sequence[str], repeats: int, tell: Tell) -> Measured:
    """Measure this machine, and the suite on it.

    Args:
        source: the model whose stages are timed; by default the largest shape of random weights that fits.
        dtypes: that the stages run in; by default those in which the device's own arithmetic computes.
        repeats: of each measurement; medians count.
        tell: told what is being measured.

    Raises:
        InputError: no model fits into the memory here, or on the disk.
        torch.OutOfMemoryError: the named one does not.
    """
    machine, device = this_machine(), torch.device("cuda" if torch.cuda.is_available() else "cpu")
    native = [str(dtype).removeprefix("torch.") for dtype in native_dtypes(device)]
    wanted = list(dtypes) or (native if device.type == "cpu" else native[:1])
    with _model(source, machine, device, wanted, tell) as model:
        assert model.folder is not None, "a model of the hub is fetched before it is measured"
        files = sorted(model.folder.glob("*.safetensors"))
        ceilings: list[Ceiling] = []
        stages: list[Stage] = []

        def found(name: str, ceiling: Callable[[], Ceiling]) -> None:
            tell(name)
            stop_if_asked()
            ceilings.append(ceiling())

        for place in dict.fromkeys((torch.device("cpu"), device)):
            found(f"copying memory ({place.type})", lambda place=place: copy_bandwidth(place, repeats))  # type: ignore[misc]
        found("reading the model's files", lambda: read_speed(files, repeats))
        for dtype in dict.fromkeys((*wanted, *native)):  # right before its stages: a machine's clock wanders
            kind = getattr(torch, dtype)
            found(f"matrix products in {dtype}", lambda kind=kind: matrix_rate(device, kind, repeats))  # type: ignore[misc]
            if dtype in wanted:
                known = {one.name: one for one in ceilings if one.device == device.type or one.name == "files"}
                stages += Bench(model, dtype, known, repeats, tell)(files)
        return Measured(
            date=datetime.now(UTC).date().isoformat(),
            suite=__version__,
            hardware=machine.hardware,
            device="cuda" if device.type == "cuda" else "cpu",
            torch=torch_version(),
            threads=torch.get_num_threads(),
            model=model.name,
            parameters=model.anatomy.weights,
            layers=model.anatomy.layers,
            width=model.anatomy.hidden,
            ceilings=tuple(ceilings),
            stages=tuple(stages),
        )


@contextmanager
def _model(
    source: ModelSource | None, machine: Machine, device: torch.device, dtypes: Sequence[str], tell: Tell
) -> Iterator[ModelSource]:
    """The model to measure; one that is made for it is gone afterwards."""
    if source is not None:
        yield source
        return
    name = _largest(machine, device, dtypes)
    with tempfile.TemporaryDirectory(prefix="lottery-bench-") as place:
        folder = Path(place) / name
        tell(f"writing a model of random weights, {name}, to {place}")
        write_shape(folder, shaped(name), STORED)
        yield from_folder(name, folder, revision="random weights")


def _largest(machine: Machine, device: torch.device, dtypes: Sequence[str]) -> str:
    """The largest shape that the device, the host and the disk have room for, and that is done in minutes.

    Raises:
        InputError: none.
    """
    there = sum(gpu.memory for gpu in machine.gpus) if device.type == "cuda" else machine.memory
    item = max(ITEM_BYTES[dtype] for dtype in dtypes)
    disk = free_bytes(Path(tempfile.gettempdir()))
    for name in reversed(SHAPES):
        weights = Anatomy(shaped(name).to_dict()).weights
        stored = weights * STORED.itemsize
        fits = weights * item * ROOM < there and 1.1 * stored < disk and 2 * stored < machine.memory
        if fits and (device.type == "cuda" or weights <= MOST_ON_HOST):
            return name
    raise InputError(
        f"no model to measure fits here: {next(iter(SHAPES))} needs {gigabytes(int(1.1 * stored))} in "
        f"{tempfile.gettempdir()} and {gigabytes(int(weights * item * ROOM))} of memory; "
        "name a smaller one, such as story-mistral"
    )
