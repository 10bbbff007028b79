"""The common form of what the benchmarks measure: a file of rows, each a figure with its unit, spread and target."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field

from suite.machine import this_machine
from suite.records.experiment import Part

Stage = Literal[
    "ceiling", "load", "prune", "restore", "evaluate", "generate", "captured", "study", "training",
    "start", "plan", "forecast", "records", "reports", "growth",
]  # fmt: skip
# s, ns: seconds and nanoseconds. bytes, bytes/s, FLOP/s, tokens/s: as they say. times: faster than what it is held
# against; or longer, where the case says `of ... time`. copies: of the same bytes, made in that time. share: of a
# ceiling, 0 to 1. exponent: of the power law by which cost grows.
Unit = Literal["s", "ns", "bytes", "bytes/s", "FLOP/s", "tokens/s", "times", "copies", "share", "exponent"]


class Target(Part):
    """What a figure should be: `at most` or `at least` this value, in the figure's unit."""

    sense: Literal["at most", "at least"]
    value: float

    def met(self, value: float) -> bool:
        return value <= self.value if self.sense == "at most" else value >= self.value


class Row(Part):
    """One figure.

    `stage` is what of the suite it is about, `what` the case, in words that are the same on every machine: a row is
    found again by the two. `value` is the median of `repeats`, None where this machine cannot measure it: such a row
    is written all the same. `low` and `high` are the least and the most of the repeats. `note` is what else was seen.
    """

    stage: Stage
    what: str
    value: float | None
    unit: Unit
    low: float | None = None
    high: float | None = None
    repeats: int = Field(default=1, ge=1)
    target: Target | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is no target, or nothing was measured."""
        return None if self.target is None or self.value is None else self.target.met(self.value)


class Figures(Part):
    """What one benchmark measured in one run; `torch` is its version, `threads` those it was allowed."""

    schema_: Literal["lottery-figures/1"] = "lottery-figures/1"
    benchmark: str
    hardware: str
    torch: str
    threads: int
    rows: tuple[Row, ...]

    model_config = ConfigDict(
        alias_generator=lambda name: "schema" if name == "schema_" else name, populate_by_name=True
    )

    def write(self, path: Path) -> None:
        path.write_text(self.model_dump_json(by_alias=True, indent=1) + "\n", encoding="utf-8")


def row(
    stage: Stage, what: str, values: Sequence[float], unit: Unit, *, target: Target | None = None, note: str = ""
) -> Row:
    """The row of a figure that was measured so many times; of none, the row of what cannot be measured here."""
    if not values:
        return Row(stage=stage, what=what, value=None, unit=unit, target=target, note=note)
    return Row(
        stage=stage,
        what=what,
        value=statistics.median(values),
        unit=unit,
        low=min(values),
        high=max(values),
        repeats=len(values),
        target=target,
        note=note,
    )


def at_most(value: float) -> Target:
    return Target(sense="at most", value=value)


def at_least(value: float) -> Target:
    return Target(sense="at least", value=value)


def told(one: Row) -> Row:
    """The figure, printed as soon as it is there."""
    value = "not measured" if one.value is None else f"{one.value:.3g} ({one.low:.3g} to {one.high:.3g}) {one.unit}"
    print(f"{one.what:95} {value}  {one.note}", flush=True)
    return one


def figures(benchmark: str, rows: Iterable[Row], threads: int | None = None) -> Figures:
    """What a benchmark measured on this machine.

    Args:
        threads: that its work was allowed (`torch.get_num_threads()`); all cores of this process by default.
    """
    machine = this_machine()
    return Figures(
        benchmark=benchmark,
        hardware=machine.hardware,
        torch=version("torch"),
        threads=threads or machine.cores,
        rows=tuple(rows),
    )
