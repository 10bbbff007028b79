"""What each study set out to measure, and what of it there is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from suite.analysis.cells import Cell
from suite.analysis.partners import place
from suite.manifest.cliff import Known, Search, line
from suite.records.experiment import Experiment
from suite.records.plan import Plan, PlannedSearch


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """One study: how many of its experiments finished, failed, and are still to come.

    `pending` are the planned experiments without any record, in running order; `searching` counts the searches for a
    cliff that are not at their end, whose experiments cannot be listed beforehand.
    """

    name: str
    title: str
    manifest: str
    finished: int
    failed: int
    pending: tuple[Experiment, ...]
    searching: int
    hardware: tuple[str, ...]  # that its finished experiments ran on
    measured: tuple[str, str] | None  # first and last start, ISO 8601; None where nothing finished
    shipped: bool  # whether most of its records came with the suite, from wherever they were measured

    @property
    def complete(self) -> bool:
        return not (self.failed or self.pending or self.searching)


def studies_of(plans: Iterable[Plan], cells: Sequence[Cell], shipped: Collection[str] = ()) -> tuple[StudyFacts, ...]:
    """The studies in the order of their plans.

    Args:
        shipped: the seals of the records that came with the suite.
    """
    lines: dict[Experiment, list[Cell]] = {}
    for cell in cells:
        lines.setdefault(line(cell.experiment), []).append(cell)
    return tuple(_study(plan, cells, lines, shipped) for plan in plans)


def _study(
    plan: Plan, cells: Iterable[Cell], lines: Mapping[Experiment, Sequence[Cell]], shipped: Collection[str]
) -> StudyFacts:
    found = {place(cell.experiment): cell for cell in cells}  # studies share cells, and measure more or less in them
    planned = {experiment.id: experiment for experiment in plan.experiments}
    searched = {search: lines.get(line(search.template), ()) for search in plan.searches}
    own = {e.id: found[place(e)] for e in plan.experiments if place(e) in found}
    own |= {cell.record.id: cell for points in searched.values() for cell in points}
    finished = sum(cell.done for cell in own.values())
    environments = [cell.record.environment for cell in own.values() if cell.done]
    starts = sorted(environment.started for environment in environments)
    return StudyFacts(
        name=plan.name,
        title=plan.title,
        manifest=plan.manifest,
        finished=finished,
        failed=len(own) - finished,
        pending=tuple(experiment for id_, experiment in planned.items() if id_ not in own),
        hardware=tuple(sorted({environment.hardware for environment in environments})),
        measured=(starts[0], starts[-1]) if starts else None,
        shipped=2 * sum(cell.record.seal in shipped for cell in own.values()) > len(own),
        searching=sum(_goes_on(search, points) for search, points in searched.items()),
    )


def _goes_on(search: PlannedSearch, points: Iterable[Cell]) -> bool:
    """Whether the search has something left to measure."""
    known = Known.of(cell.record for cell in points)
    return Search.planned(search).next(known) is not None
