"""Results of the benchmarks as they are published: a file for each machine, and the documents' tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from pydantic import ConfigDict

from suite.bench.figures import Figures, Row, Stage, Unit, at_least, row
from suite.bench.measured import STAGES, Measured, StageName
from suite.errors import InputError
from suite.paths import ROOT
from suite.records.experiment import Part

BEGIN = "<!-- from ci/bench/results, by make bench: never by hand -->"
END = "<!-- up to here -->"
NOT_MEASURED = "not measured"
# What a GPU should reach with a model of 7 billion parameters, as shares of its ceilings: pruning may take four copies,
# evaluation is held against the rate of matrix products, a step of decoding against the bandwidth.
GPU_TARGETS: dict[StageName, float] = {"prune": 0.25, "evaluate": 0.75, "captured": 0.8}
SHOWN: dict[Unit, str] = {"s": "{:.3g} s", "times": "{:.3g} times", "copies": "{:.3g} copies", "share": "{:.0%}"}


class Run(Part):
    """One benchmark's run: its `date` as 2026-01-31, the suite's `commit`; `measured` by `lottery bench`, or the
    `figures` of a script."""

    benchmark: str
    date: str
    commit: str | None
    measured: Measured | None = None
    figures: Figures | None = None

    @property
    def rows(self) -> tuple[Row, ...]:
        if self.measured is not None:
            return tuple(rows_of(self.measured))
        return self.figures.rows if self.figures else ()


class Published(Part):
    """What was measured on one machine, a run of each benchmark; `libraries` are the versions of what took part."""

    schema_: Literal["lottery-results/1"] = "lottery-results/1"
    hardware: str
    system: str
    libraries: dict[str, str]
    runs: tuple[Run, ...] = ()

    model_config = ConfigDict(
        alias_generator=lambda name: "schema" if name == "schema_" else name, populate_by_name=True
    )

    def with_run(self, run: Run) -> Published:
        """The same with this run, in place of an earlier one of the same benchmark."""
        others = [one for one in self.runs if one.benchmark != run.benchmark]
        return self.model_copy(update={"runs": tuple(sorted((*others, run), key=lambda one: one.benchmark))})

    def to_json(self) -> str:
        return self.model_dump_json(by_alias=True, indent=1) + "\n"


def read_published(folder: Path) -> list[Published]:
    """The results of every machine, in the order of their files' names.

    Raises:
        InputError: a file is none of these.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(Published.model_validate_json(path.read_bytes()))
        except ValueError as error:
            raise InputError(f"{path} holds no published results; `make bench` writes them") from error
    return found


def rows_of(measured: Measured) -> list[Row]:
    """The shares that `lottery bench` measured; those of a GPU as not measured where there is none."""
    place = ", GPU" if measured.device == "cuda" else ""
    rows = []
    for one in measured.stages:
        what = f"{measured.model}, {one.dtype}{place}, of its ceiling"
        target = GPU_TARGETS.get(one.stage) if place and measured.model == "7B" else None
        shares = [one.ceiling_seconds / seconds for seconds in (one.high, one.seconds, one.low)]
        found = row(one.stage, what, shares, "share", target=None if target is None else at_least(target))
        rows.append(found.model_copy(update={"repeats": one.repeats, "note": f"{one.seconds:.3g} s"}))
    if not place:
        for stage in STAGES:
            target = GPU_TARGETS.get(stage)
            aim = None if target is None else at_least(target)
            rows.append(row(stage, "7B, bfloat16, GPU, of its ceiling", [], "share", target=aim))
    return rows


def tables(machines: Sequence[Published]) -> dict[Path, str]:
    """The table of each document that has one: how fast everything is, and how cost grows."""
    growth: tuple[Stage, ...] = ("growth",)
    rest = tuple(stage for stage in get_args(Stage) if stage not in growth)
    docs = ROOT / "docs"
    return {docs / "benchmarks.md": table(machines, rest), docs / "scale.md": table(machines, growth)}


def table(machines: Sequence[Published], stages: Sequence[Stage] = get_args(Stage)) -> str:
    """A Markdown table: a line for each figure that has a target or is a share of a ceiling, a column a machine."""
    if not machines:
        return "Nothing is published yet."
    found: dict[tuple[Stage, str], dict[str, Row]] = {}
    for machine in machines:
        for run in machine.runs:
            for one in run.rows:
                if one.stage in stages and (one.target is not None or run.measured is not None):
                    found.setdefault((one.stage, one.what), {})[machine.hardware] = one
    columns = [machine.hardware for machine in machines]
    lines = ["| | | target | " + " | ".join(columns) + " |", "| --- | --- | --- |" + " --- |" * len(columns)]
    for (stage, what), by_machine in sorted(found.items(), key=lambda item: (stages.index(item[0][0]), item[0][1])):
        target = next((one.target for one in by_machine.values() if one.target), None)
        unit = next(iter(by_machine.values())).unit
        aim = f"{target.sense} {_shown(target.value, unit)}" if target else ""
        cells = [_cell(by_machine.get(hardware)) for hardware in columns]
        lines.append(f"| {stage} | {what} | {aim} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(one: Row | None) -> str:
    if one is None or one.value is None:
        return NOT_MEASURED
    return _shown(one.value, one.unit) + (" (missed)" if one.met is False else "")


def _shown(value: float, unit: Unit) -> str:
    return SHOWN.get(unit, f"{{:.3g}} {unit}").format(value)


def in_place(text: str, made: str) -> str:
    """A document with what was made put between its two marks.

    Raises:
        InputError: the marks are not there.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise InputError(f"the document lacks the marks {BEGIN!r} and {END!r} that the table goes between")
    return f"{before}{begin}\n{made}\n{end}{after}"
