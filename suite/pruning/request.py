"""What is asked of a pruning, wherever it comes from: a cell of a study, or a call of the library."""

from __future__ import annotations

from typing import Protocol


class Request(Protocol):
    """Which weights, by which criterion, and how many.

    The weights are those of a `target`, or where that is None those of each `part` in the given `layers` (None: all);
    `tied` says what becomes of a shared table. `sparsity` is the share to remove, `budget` a share of the block weights
    that takes its place. `scope`, `allocation` and `pattern` say how it is counted, `seed` what a random mask is drawn
    from. The words are those of a manifest; `suite.records.experiment.Experiment` is one.
    """

    @property
    def criterion(self) -> str: ...
    @property
    def target(self) -> str | None: ...
    @property
    def part(self) -> tuple[str, ...] | None: ...
    @property
    def layers(self) -> str | None: ...
    @property
    def tied(self) -> str: ...
    @property
    def sparsity(self) -> float: ...
    @property
    def budget(self) -> float | None: ...
    @property
    def scope(self) -> str: ...
    @property
    def allocation(self) -> str: ...
    @property
    def pattern(self) -> str | None: ...
    @property
    def seed(self) -> int | None: ...
