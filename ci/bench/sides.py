"""The two sides of `against_plain.py`: a study by the suite with its stages timed, a cell by the plain script, and
whether both came to the same."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from plain import DEVICE, Cell

from suite.manifest import Study, read_study
from suite.models.loading import LoadedModel
from suite.models.pruned import pruned
from suite.pruning.masks import mask_digest, packed, survives
from suite.records import Damage, Experiment, Record, Store
from suite.runner.run import Run


@dataclass
class Stopwatch:
    """A run's observer: the seconds of each stage, a value each time it was gone through. They add up to the whole.

    The clock stands still while `between` is shown each record.
    """

    between: Callable[[Record], None]
    laps: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _since: float = field(default_factory=time.perf_counter)

    def lap(self, stage: str) -> None:
        """What went on until now was this stage."""
        if DEVICE == "cuda":
            torch.cuda.synchronize()
        now = time.perf_counter()
        self.laps[stage].append(now - self._since)
        self._since = now

    @property
    def total(self) -> float:
        return sum(map(sum, self.laps.values()))

    def loading(self, model: str) -> None:
        self.lap("text")

    def started(self, experiment: Experiment) -> None:
        if experiment.dense:
            self.lap("load")

    def step(self, what: str, done: int, total: int) -> None:
        if done == total and what in ("tensor", "window"):
            self.lap("prune" if what == "tensor" else "evaluate")

    def finished(self, record: Record) -> None:
        self.lap("keep" if record.experiment.dense else "restore")
        if record.error:
            raise RuntimeError(f"the suite failed: {record.error}")
        self.between(record)
        self._since = time.perf_counter()

    def planned(self, total: int, there: int, searching: bool) -> None: ...
    def expected(self, total: int) -> None: ...
    def found(self, record: Record) -> None: ...
    def damaged(self, damage: Damage) -> None: ...


def by_suite(manifest: Path, cells: int, results: Path, between: Callable[[Record], None]) -> Stopwatch:
    """Run a study's cells as `lottery run` does, from its manifest on; `between` is called after each.

    Raises:
        RuntimeError: an experiment failed.
    """
    watch = Stopwatch(between)
    study = read_study(manifest)
    Run(replace(study, experiments=even_choice(study, cells)), Store(results), watch)()
    watch.lap("check")
    return watch


def even_choice(study: Study, cells: int) -> tuple[Experiment, ...]:
    """The dense baseline and an even choice of the others, `cells` in all (every one where there are not so many)."""
    dense, *others = study.experiments
    wanted = min(cells - 1, len(others))
    return (dense, *(others[index * len(others) // wanted] for index in range(wanted)))


@dataclass(frozen=True)
class Likeness:
    """How a pruned model of the plain script is like the suite's: `differing` weights survive in one of them only.

    `ties`: every one of those has the magnitude of its tensor's threshold, so that either choice is right.
    """

    zeros: bool
    differing: int
    ties: bool
    perplexity: float  # the relative difference


def likeness(cell: Cell, perplexity: float, record: Record, loaded: LoadedModel) -> Likeness:
    """Hold a cell of the plain script against the suite's record of it.

    Args:
        loaded: the same model, by which the suite's masks are made again where their digest is another.

    Raises:
        RuntimeError: the suite does not come to the masks of its own record.
    """
    assert record.perplexity is not None
    apart = abs(perplexity / record.perplexity.value - 1)
    if record.pruning is None:
        return Likeness(True, 0, True, apart)
    gone = {name: cell.model.get_parameter(name).detach() == 0 for name in record.pruning.per_tensor}
    zeros = {name: int(removed.sum()) for name, removed in gone.items()}
    alike = zeros == {name: count.zeros for name, count in record.pruning.per_tensor.items()}
    masks = {name: packed(removed) for name, removed in gone.items()}
    if mask_digest(masks) == record.pruning.mask_digest:
        return Likeness(alike, 0, True, apart)
    differing, ties = 0, True
    with pruned(loaded, record.experiment) as done:
        if done.achieved.mask_digest != record.pruning.mask_digest:
            raise RuntimeError("a bug: the suite does not come to the masks of its own record")
        for name, removed in gone.items():
            ours = torch.from_numpy(survives(done.masks[name], removed.numel())).view(removed.shape)
            apart_here = loaded.stored(name).abs()[ours == removed.cpu()]
            differing += apart_here.numel()
            ties = ties and bool((apart_here == apart_here[:1]).all())
    return Likeness(alike, differing, ties, apart)
