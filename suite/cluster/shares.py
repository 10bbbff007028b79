"""How a study's missing experiments are dealt out: a task loads as few models as can be, and all take about as long."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from suite.errors import InputError
from suite.forecast.experiments import forecast, load_seconds, search_forecast
from suite.machine import Machine
from suite.manifest import Study
from suite.records import Experiment, Store
from suite.runner.worklist import Worklist


@dataclass
class Share:
    """One task's part: its models, and seconds foreseen for each cell and each search (by its template's id)."""

    models: list[str] = field(default_factory=list)
    cells: dict[str, float] = field(default_factory=dict)
    searches: dict[str, float] = field(default_factory=dict)
    loading: float = 0.0
    whole: bool = False  # its cells stand on each other, and are not to be split

    @property
    def seconds(self) -> float:
        return self.loading + sum(self.cells.values()) + sum(self.searches.values())

    def add(self, other: Share) -> None:
        self.models += other.models
        self.cells |= other.cells
        self.searches |= other.searches
        self.loading += other.loading


def missing(study: Study, store: Store, machine: Machine, taken: Collection[str]) -> list[Share]:
    """What a store lacks of a study, without what other tasks have (by their ids): a share for each model, and for each
    seed of a network that is to be trained."""
    seconds = {one.experiment.id: one.seconds for one in forecast(study, machine)}
    searching = {one.search.template.id: one for one in search_forecast(study, machine)}
    found = []
    for model in study.models:
        worklist = Worklist(study, model, store)
        if worklist.dense is None:
            found += _by_seed(model.name, worklist.missing, seconds, taken)
            continue
        lacking = [cell.id for cell in worklist.missing]
        lacking += [worklist.dense.id] if worklist.known_dense is None else []
        share = Share([model.name], loading=load_seconds(model, machine))
        share.cells = {one: seconds[one] for one in lacking if one not in taken}
        share.searches = {
            search.template.id: searching[search.template.id].seconds(left)
            for search in worklist.searches
            if search.template.id not in taken and any(left := worklist.left_of(search))
        }
        if share.cells or share.searches:
            found.append(share)
    return found


def _by_seed(
    model: str, missing: Iterable[Experiment], seconds: Mapping[str, float], taken: Collection[str]
) -> list[Share]:
    """Trainings stand on others of their seed, and on none of another one."""
    shares: dict[int | None, Share] = {}
    for cell in missing:
        if cell.id not in taken:
            shares.setdefault(cell.seed, Share([model], whole=True)).cells[cell.id] = seconds[cell.id]
    return list(shares.values())


def deal(shares: Iterable[Share], tasks: int | None) -> list[Share]:
    """Split the longest shares, or put short ones together, until there are so many; by default one for each model."""
    dealt = list(shares)
    tasks = min(tasks or len(dealt), sum(_parts(one) for one in dealt))
    parts = [1] * len(dealt)
    while sum(parts) < tasks:
        open_ones = [i for i, one in enumerate(dealt) if parts[i] < _parts(one)]
        parts[max(open_ones, key=lambda i: _of_part(dealt[i], parts[i]))] += 1
    split = [part for one, number in zip(dealt, parts, strict=True) for part in _split(one, number)]
    return _together(split, tasks)


def part(study: Study, cells: Collection[str], searches: Collection[str]) -> Study:
    """The study with only these experiments and searches, and the dense baselines they need.

    Raises:
        InputError: some are not of this study.
    """
    known = {cell.id for cell in study.experiments} | {search.template.id for search in study.searches}
    if strangers := {*cells, *searches} - known:
        raise InputError(
            f"{len(strangers)} of this task's experiments are not in {study.name} any more: the manifest, a model or "
            "the version of the suite changed since it was submitted; submit it again"
        )
    kept = tuple(search for search in study.searches if search.template.id in searches)
    names = {cell.model for cell in study.experiments if cell.id in cells} | {one.template.model for one in kept}
    wanted = tuple(cell for cell in study.experiments if cell.id in cells or (cell.dense and cell.model in names))
    models = tuple(model for model in study.models if model.name in names)
    return replace(study, models=models, experiments=wanted, searches=kept, manifest=None)


def _parts(share: Share) -> int:
    """How many tasks could have a part of it, at most."""
    return 1 if share.whole else len(share.cells) + len(share.searches)


def _of_part(share: Share, parts: int) -> float:
    return share.loading + (share.seconds - share.loading) / parts


def _split(share: Share, parts: int) -> list[Share]:
    """Parts of a model's share of about equal length; each loads the model."""
    if parts == 1:
        return [share]
    found = [Share(list(share.models), loading=share.loading) for _ in range(parts)]
    items = [(seconds, "searches", one) for one, seconds in share.searches.items()]
    items += [(seconds, "cells", one) for one, seconds in share.cells.items()]
    for seconds, kind, one in sorted(items, key=lambda item: -item[0]):
        getattr(min(found, key=lambda each: each.seconds), kind)[one] = seconds
    for each in found:  # in the study's order again
        each.cells = {one: each.cells[one] for one in share.cells if one in each.cells}
    return [each for each in found if each.cells or each.searches]


def _together(shares: list[Share], tasks: int) -> list[Share]:
    """So many tasks of them, the longest dealt first, each to whoever has least."""
    found = [Share() for _ in range(min(tasks, len(shares)))]
    for share in sorted(shares, key=lambda one: -one.seconds):
        min(found, key=lambda one: one.seconds).add(share)
    return found
