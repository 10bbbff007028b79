"""The facts of a study: built once from its records, read by every figure and template."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from suite.analysis.audit import audit
from suite.analysis.breaks import Breaks, breaks_of
from suite.analysis.cells import Cell, cells_of
from suite.analysis.claims import claims
from suite.analysis.crossings import Crossings, crossings
from suite.analysis.further import Further, further
from suite.analysis.headline import Headline, headline
from suite.analysis.location import Comparison, Ranking, comparison, ranked_targets, shared_rankings
from suite.analysis.models import ModelFacts, model_facts
from suite.analysis.provenance import Provenance, provenance
from suite.analysis.recorded import Recorded, read_recorded, recorded_of
from suite.analysis.storage import Storage, storage
from suite.analysis.studies import StudyFacts, studies_of
from suite.analysis.ticket.facts import TicketFacts, tickets_of
from suite.analysis.values import Claim, MissingResultError
from suite.errors import InputError
from suite.protocol import FACTORS, TOLERANCE
from suite.records.experiment import Experiment
from suite.records.plan import Plan
from suite.records.schema import Interval, Record


@dataclass(frozen=True, slots=True)
class Facts:
    """Numbers and verdicts derived from records. Every tuple is in an order that does not depend on the input's.

    Networks that were trained for a search for a ticket are in `tickets`, with their claims among the others, and in
    `studies`; all else is of models that were pruned when they were finished, whether or not trainings lie beside them.
    """

    models: tuple[
        ModelFacts, ...
    ]  # the one the reports are about first, the others by name; none beside trainings alone
    cells: tuple[Cell, ...]
    headline: Headline | None  # None where there is no model
    steps: tuple[Cell, ...]  # of searches, that stopped early: they say only on which side of a factor they are
    comparison: Comparison | None
    rankings: tuple[Ranking, ...]  # of every model
    shared_rankings: tuple[Ranking, ...]  # those at the budget that most models share
    breaks: tuple[Breaks, ...]  # by criterion, random last
    crossings: Crossings | None  # where each model breaks, pruned alike
    storage: Storage | None  # perplexity against the bytes of the file
    further: Further  # criteria side by side, patterns, precisions, recovery, structure, the map
    tickets: tuple[TicketFacts, ...]  # the search with the most trainings first, which the claims are of
    recorded: Recorded | None  # values from before this suite, where they are of the main curve's model and cells
    claims: Mapping[str, Claim]
    audit: tuple[Claim, ...]  # the first study's statements, held against the main model
    provenance: Provenance  # of the models' cells; of the trainings' where there is no model
    studies: tuple[StudyFacts, ...]  # those whose plan is at hand
    damaged: int  # files that could not be believed and were left out
    tolerance: float = TOLERANCE
    factors: tuple[float, ...] = FACTORS

    @property
    def main(self) -> ModelFacts:
        """Raises: MissingResultError: there are trainings alone; ask `facts.models` first."""
        if not self.models:
            raise MissingResultError("no record is of a model that was pruned when it was finished")
        return self.models[0]

    @property
    def failures(self) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if not cell.done)

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
    def shipped(self) -> tuple[StudyFacts, ...]:
        """The studies whose results came with the suite."""
        return tuple(study for study in self.studies if study.shipped)

    @property
    def has_intervals(self) -> bool:
        return any(isinstance(cell.interval, Interval) for cell in self.cells)

    @property
    def finished(self) -> int:
        return len(self.cells) - len(self.failures)

    @property
    def ranked_targets(self) -> tuple[str, ...]:
        return ranked_targets(self.shared_rankings)

    def model(self, name: str) -> ModelFacts:
        """Raises: MissingResultError: no record is of this model."""
        for model in self.models:
            if model.name == name:
                return model
        raise MissingResultError(f"no record is of the model {name!r}")

    def claim(self, name: str) -> Claim:
        """Raises: MissingResultError: the records say nothing about it; ask `name in facts.claims` first."""
        if name not in self.claims:
            raise MissingResultError(f"no claim {name!r}; the records bear on {', '.join(self.claims) or 'none'}")
        return self.claims[name]


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
    steps = cells_of(record for record in found if record.experiment.sequential is not None)
    cells = cells_of(r for r in found if r.experiment.training is None and r.experiment.sequential is None)
    trainings = cells_of(record for record in found if record.experiment.training is not None)
    tickets = tickets_of(trainings)
    if not tickets and not any(cell.done and cell.record.perplexity for cell in cells):
        cells = (*cells, *trainings)
        failed = f"; {len(cells)} failed, the first with: {cells[0].record.error}" if cells else ""
        raise InputError(
            f"the results hold no finished experiment with a perplexity{failed}; `lottery run MANIFEST` makes one"
        )
    models = _models(cells)
    main = models[0] if models else None
    all_rankings = tuple(ranking for model in models for ranking in model.rankings)
    shared, breaks, beyond = shared_rankings(all_rankings), breaks_of(models), further(models)
    told = {claim.name: claim for claim in (*beyond.claims, *(tickets[0].claims if tickets else ()))}
    return Facts(
        models=models,
        cells=cells,
        steps=tuple(step for step in steps if step.record.sequential),
        headline=headline(main) if main else None,
        comparison=comparison(cell for cell in cells if cell.plain),
        rankings=all_rankings,
        shared_rankings=shared,
        breaks=breaks,
        crossings=crossings(curve for model in models for curve in model.curves),
        storage=storage(models) if main else None,
        recorded=recorded_of(read_recorded(), main) if main else None,
        further=beyond,
        tickets=tickets,
        claims=(claims(models, shared, breaks) if main else {}) | told,
        audit=audit(main) if main else (),
        provenance=provenance(cells or trainings),
        studies=studies_of(plans, (*cells, *steps, *trainings), shipped),
        damaged=damaged,
    )


def _models(cells: Iterable[Cell]) -> tuple[ModelFacts, ...]:
    """What is known of each model, the one that the reports are about first; failures alone are not reported."""
    models = [model_facts(name, group) for name, group in groupby(cells, key=lambda cell: cell.model)]
    if not any(model.finished for model in models):
        return ()
    main = min(models, key=lambda model: model.importance)
    return (main, *(model for model in models if model is not main))
