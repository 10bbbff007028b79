"""Runs of a study in this process, with an observer that keeps what it is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from suite.manifest import read_study
from suite.records import Damage, Experiment, Record, Store
from suite.runner.run import Outcome, Run

Write = Callable[..., Path]


GRID = "[{target: [attention, mlp], sparsity: 0.5}, {target: blocks, sparsity: 0.7, measure: [perplexity, coherence]}]"


class Quiet:
    """An observer that keeps what it is told, and can break off."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.records: list[Record] = []
        self.loaded: list[str] = []
        self.stop_after = stop_after
        self.aside: list[Damage] = []

    def planned(self, total: int, there: int, searching: bool) -> None: ...
    def expected(self, total: int) -> None: ...
    def step(self, what: str, done: int, total: int) -> None: ...

    def loading(self, model: str) -> None:
        self.loaded.append(model)

    def started(self, experiment: Experiment) -> None:
        if self.stop_after is not None and len(self.records) >= self.stop_after:
            raise KeyboardInterrupt

    def finished(self, record: Record) -> None:
        self.records.append(record)

    def found(self, record: Record) -> None: ...
    def damaged(self, damage: Damage) -> None:
        self.aside.append(damage)


def run(path: Path, folder: Path, observer: Quiet | None = None) -> tuple[Outcome, Quiet]:
    observer = observer or Quiet()
    return Run(read_study(path), Store(folder), observer)(), observer
