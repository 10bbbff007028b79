"""What `lottery bench` measured of a machine, kept for the forecasts made there. Read and written without torch."""

from __future__ import annotations

import os
import re
import statistics
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import ConfigDict, Field

from suite.machine import Machine
from suite.paths import write_whole
from suite.records.experiment import Part, Some

StageName = Literal["load", "prune", "restore", "evaluate", "generate", "captured"]
STAGES: tuple[StageName, ...] = get_args(StageName)

# The file may be anybody's, and forecasts divide by its numbers: beyond these bounds none was measured.
Rate = Annotated[float, Field(ge=1e3, le=1e18)]
Seconds = Annotated[float, Field(ge=1e-9, le=1e7)]
Reached = Annotated[float, Field(ge=1e-6, le=1000)]  # beyond 1 where the ceiling was measured in a bad moment


class Ceiling(Part):
    """A rate that nothing on this machine exceeds: `rate` in `unit`, the median; `low` and `high` of the repeats.

    `name` is `copy` (of memory, bytes read plus written), `files` (read from the disk) or `matrix float32` and so on
    (products of matrices of that dtype); `device` is `cpu` or `cuda`.
    """

    name: str
    device: Literal["cpu", "cuda"]
    rate: Rate
    low: Rate
    high: Rate
    unit: Literal["bytes/s", "FLOP/s"]
    note: str = ""

    @classmethod
    def of(cls, name: str, device: str, rates: Sequence[float], unit: str, note: str = "") -> Ceiling:
        low, high = min(rates), max(rates)
        rate = statistics.median(rates)
        return cls(name=name, device=device, rate=rate, low=low, high=high, unit=unit, note=note)


class Stage(Part):
    """A stage of the suite beside its ceiling.

    `seconds` is the median of `repeats`, `low` and `high` the least and the most. `amount` is what the stage cannot do
    without, in `unit` (bytes moved, or floating-point operations), `ceiling` names the rate it is held against, and
    `ceiling_seconds` is the amount at that rate; `share` is those seconds over the ones it took.
    """

    stage: StageName
    dtype: str
    what: str
    seconds: Seconds
    low: Seconds
    high: Seconds
    repeats: Some
    amount: Some
    unit: Literal["bytes", "FLOP"]
    ceiling: str
    ceiling_seconds: Seconds
    share: Reached

    @classmethod
    def of(
        cls, stage: StageName, dtype: str, what: str, times: Sequence[float], amount: int, ceiling: Ceiling
    ) -> Stage:
        seconds, least = statistics.median(times), amount / ceiling.rate
        return cls(
            stage=stage,
            dtype=dtype,
            what=what,
            seconds=seconds,
            low=min(times),
            high=max(times),
            repeats=len(times),
            amount=amount,
            unit="bytes" if ceiling.unit == "bytes/s" else "FLOP",
            ceiling=ceiling.name,
            ceiling_seconds=least,
            share=least / seconds,
        )


class Measured(Part):
    """One run of `lottery bench`: `date` as 2026-01-31, `model` by its name, `width` its hidden size."""

    schema_: Literal["lottery-bench/1"] = "lottery-bench/1"
    date: str
    suite: str
    hardware: str
    device: Literal["cpu", "cuda"]
    torch: str
    threads: Some
    model: str
    parameters: Some
    layers: Some
    width: Some
    ceilings: tuple[Ceiling, ...]
    stages: tuple[Stage, ...]

    model_config = ConfigDict(
        alias_generator=lambda name: "schema" if name == "schema_" else name, populate_by_name=True
    )

    def rate(self, name: str, device: str | None = None) -> float | None:
        """The rate of a ceiling, on the device that models run on unless another is named."""
        wanted = (name, device or self.device)
        return next((one.rate for one in self.ceilings if (one.name, one.device) == wanted), None)

    def share(self, stage: StageName, dtype: str) -> float | None:
        """The share of its ceiling that a stage reached in this dtype, else in the first that was measured."""
        found = {one.dtype: one.share for one in self.stages if one.stage == stage}
        return found.get(dtype, next(iter(found.values()), None))

    def to_json(self) -> str:
        return self.model_dump_json(by_alias=True, indent=1) + "\n"


def folder() -> Path:
    """Where measurements are kept: $XDG_CACHE_HOME/lottery/bench, else ~/.cache/lottery/bench."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(cache) if Path(cache).is_absolute() else Path.home() / ".cache") / "lottery" / "bench"


def kept_at(machine: Machine) -> Path:
    """The file of a machine: by its hardware, torch's version, and on a processor the threads work is given."""
    threads = "" if machine.gpus else f"-{threads_asked(machine)}-threads"
    return folder() / f"{slug(machine.hardware)}{threads}-torch-{torch_version()}.json"


def slug(name: str) -> str:
    """Hardware as a file is named after it: `amd-epyc-2-cores`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def threads_asked(machine: Machine) -> int:
    """The threads that torch is asked to take: $OMP_NUM_THREADS, else one a core."""
    said = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return int(said) if said.isdecimal() and int(said) else machine.cores


def torch_version() -> str:
    """The version of torch, which says the build too, without importing it."""
    try:
        return version("torch")
    except PackageNotFoundError:
        return "none"


def keep(measured: Measured, machine: Machine) -> Path:
    """Keep what was measured, in place of what was kept of this machine before.

    Raises:
        OSError: it cannot be written.
    """
    path = kept_at(machine)
    write_whole(path, measured.to_json())
    return path


def kept(machine: Machine) -> Measured | None:
    """What is kept of this machine; None where nothing is.

    Raises:
        ValueError: a file is there, and it is none of these, or of another machine.
        OSError: it cannot be read.
    """
    path = kept_at(machine)
    try:
        found = Measured.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    if found.hardware != machine.hardware:
        raise ValueError(f"it is of {found.hardware}")
    return found
