"""The facts of a study: built once from its records, read by every section of the reports."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from itertools import groupby

from suite.analysis.cells import Cell, cells_of
from suite.analysis.headline import Headline, headline
from suite.analysis.models import ModelFacts, model_facts
from suite.analysis.provenance import Provenance, provenance
from suite.analysis.studies import StudyFacts, studies_of
from suite.analysis.ticket.facts import TicketFacts, tickets_of
from suite.analysis.values import MissingResultError
from suite.data.catalogue import TEXTS
from suite.errors import InputError
from suite.records.experiment import Experiment
from suite.records.plan import Plan
from suite.records.schema import Interval, Record


@dataclass(frozen=True, slots=True)
class Facts:
    """What the records say of one family of models. Every tuple is in an order that does not depend on the input's.

    There are two families: real language models, and the miniature, which are the small models that ship with the suite
    and whatever else reads the text of its grammar. Where the records hold both, the facts are of the real ones.

    Attributes:
        models: those that were pruned when they were finished, the one the reports are about first, the others by name.
        cells: their experiments.
        headline: how much of the first model can go; None where there is no model.
        steps: of searches, that stopped early: they say only on which side of a factor they are.
        tickets: searches for a ticket, the one with the most trainings first.
        provenance: of the cells; of the trainings where there is no cell.
        miniature: the facts of the miniature, where these are of real models and the records hold both.
        lost: the failed cells of the other family, where nothing of it finished.
        studies: those whose plan is at hand, of both families.
        damaged: how many files could not be believed and were left out.
    """

    models: tuple[ModelFacts, ...]
    cells: tuple[Cell, ...]
    headline: Headline | None
    steps: tuple[Cell, ...]
    tickets: tuple[TicketFacts, ...]
    provenance: Provenance
    miniature: Facts | None = None
    lost: tuple[Cell, ...] = ()
    studies: tuple[StudyFacts, ...] = ()
    damaged: int = 0

    @property
    def main(self) -> ModelFacts:
        """Raises: MissingResultError: there are trainings alone; ask `facts.models` first."""
        if not self.models:
            raise MissingResultError("no record is of a model that was pruned when it was finished")
        return self.models[0]

    @property
    def families(self) -> tuple[Facts, ...]:
        """These facts, and the miniature's."""
        return (self, self.miniature) if self.miniature else (self,)

    @property
    def failures(self) -> tuple[Cell, ...]:
        """The failed cells of both families, and their failed trainings."""
        cells = (cell for family in self.families for cell in family.cells if not cell.done)
        trainings = (cell for family in self.families for search in family.tickets for cell in search.failed)
        return (*cells, *trainings, *self.lost)

    @property
    def failure_groups(self) -> tuple[tuple[Cell, ...], ...]:
        """The failed cells, those of one model with one reason together."""
        groups: dict[tuple[str, str | None], list[Cell]] = {}
        for cell in self.failures:
            groups.setdefault((cell.model, cell.record.error), []).append(cell)
        return tuple(tuple(group) for group in groups.values())

    @property
    def measured_models(self) -> tuple[ModelFacts, ...]:
        """The models with a finished experiment."""
        return tuple(model for model in self.models if model.finished)

    @property
    def pending(self) -> tuple[Experiment, ...]:
        """What the studies planned and have no record of, in running order."""
        return tuple(experiment for study in self.studies for experiment in study.pending)

    @property
    def plugins(self) -> tuple[str, ...]:
        """What of the finished experiments of both families other packages brought, and which."""
        provenances = [family.provenance for family in self.families]
        provenances += [search.provenance for family in self.families for search in family.tickets]
        return tuple(sorted({words for made in provenances for words in made.plugins}))

    @property
    def shipped(self) -> tuple[StudyFacts, ...]:
        """The studies whose results came with the suite."""
        return tuple(study for study in self.studies if study.shipped)

    @property
    def has_intervals(self) -> bool:
        return any(isinstance(cell.interval, Interval) for cell in self.cells)

    @property
    def finished(self) -> int:
        return sum(cell.done for cell in self.cells)

    def model(self, name: str) -> ModelFacts:
        """Raises: MissingResultError: no record is of this model."""
        for model in self.models:
            if model.name == name:
                return model
        raise MissingResultError(f"no record is of the model {name!r}")


def build_facts(
    records: Iterable[Record], plans: Iterable[Plan] = (), damaged: int = 0, shipped: Collection[str] = ()
) -> Facts:
    """The facts of these records, in whatever order they come.

    Args:
        plans: what the studies set out to do, where it is known.
        damaged: how many files of the results could not be believed; the reports say so.
        shipped: the seals of the records that came with the suite, which the reports say as well.

    Raises:
        InputError: no experiment finished, so there is nothing to report.
    """
    found = tuple(records)
    cells = cells_of(r for r in found if r.experiment.training is None and r.experiment.sequential is None)
    steps = cells_of(record for record in found if record.experiment.sequential is not None)
    trainings = cells_of(record for record in found if record.experiment.training is not None)
    halves = [
        [tuple(cell for cell in kind if _miniature(cell) is small) for kind in (cells, steps, trainings)]
        for small in (False, True)
    ]
    families = [family for half in halves if (family := _family(*half))]
    if not families:
        failed = [cell for cell in (*cells, *trainings) if not cell.done]
        said = f"; {len(failed)} failed, the first with: {failed[0].record.error}" if failed else ""
        raise InputError(
            f"the results hold no finished experiment with a perplexity{said}; `lottery run MANIFEST` makes one"
        )
    told = {cell.record.id for family in families for cell in family.cells}
    return replace(
        families[0],
        miniature=families[1] if len(families) > 1 else None,
        lost=tuple(cell for cell in cells if not cell.done and cell.record.id not in told),
        studies=studies_of(plans, (*cells, *steps, *trainings), shipped),
        damaged=damaged,
    )


def _miniature(cell: Cell) -> bool:
    """Whether a record is of the miniature: it reads the text of the suite's grammar."""
    known = TEXTS.find(cell.experiment.text.name)
    return known is not None and known.grammar is not None


def _family(cells: tuple[Cell, ...], steps: tuple[Cell, ...], trainings: tuple[Cell, ...]) -> Facts | None:
    """The facts of one family; None where nothing finished."""
    tickets = tickets_of(trainings)
    if not tickets and not any(cell.done and cell.record.perplexity for cell in cells):
        return None
    models = _models(cells)
    return Facts(
        models=models,
        cells=cells,
        headline=headline(models[0]) if models else None,
        steps=tuple(step for step in steps if step.record.sequential),
        tickets=tickets,
        provenance=provenance(cells or trainings),
    )


def _models(cells: Iterable[Cell]) -> tuple[ModelFacts, ...]:
    """What is known of each model, the one that the reports are about first; failures alone are not reported."""
    models = [model_facts(name, group) for name, group in groupby(cells, key=lambda cell: cell.model)]
    if not any(model.finished for model in models):
        return ()
    main = min(models, key=lambda model: model.importance)
    return (main, *(model for model in models if model is not main))
