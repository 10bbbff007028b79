"""From a manifest to its experiments: every cell resolved, checked against the anatomy of its model, and told apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from suite import declared
from suite.data.source import TextSource
from suite.errors import InputError
from suite.manifest.cliff import Search
from suite.manifest.combinations import MOST_EXPERIMENTS, Combinations
from suite.manifest.entries import CalibrationEntry, CliffEntry, RecoveryEntry, TicketEntry
from suite.manifest.generated import agreed, continuation
from suite.manifest.rules import check_cell, looks_at_activations
from suite.manifest.schema import Manifest
from suite.manifest.sources import Allowed, Sources
from suite.manifest.ticket import check_ticket, trainings
from suite.models.source import ModelSource
from suite.paths import confined, here_or_shipped, is_folder_name
from suite.pruning.criteria import CRITERIA
from suite.records.experiment import Calibration, Continuation, Experiment, Measure, Recovery, TextReference
from suite.records.plan import Plan, PlannedSearch
from suite.records.wording import describe
from suite.weights import WeightsFile

MEASURES: tuple[Measure, ...] = get_args(Measure)


@dataclass(frozen=True)
class Study:
    """A manifest with its models and text resolved, and its experiments in running order: model by model, the dense
    baseline first."""

    name: str
    title: str
    models: tuple[ModelSource, ...]
    text: TextSource
    context: int
    experiments: tuple[Experiment, ...]
    searches: tuple[Search, ...] = ()
    learnt: tuple[TextSource, ...] = ()  # texts that criteria are calibrated with and pruned models learn from
    manifest: str | None = None  # the file's own words, where the study comes from one

    @property
    def plan(self) -> Plan | None:
        """What is kept beside the records, of a study that comes from a file."""
        if self.manifest is None:
            return None
        searches = tuple(
            PlannedSearch(template=s.template, factors=s.factors, sequential=s.sequential) for s in self.searches
        )
        return Plan(
            name=self.name,
            title=self.title,
            manifest=self.manifest,
            experiments=self.experiments,
            searches=searches,
        )

    @property
    def texts(self) -> tuple[TextSource, ...]:
        return (self.text, *self.learnt)

    def text_of(self, reference: TextReference) -> TextSource:
        return next(text for text in self.texts if text.reference == reference)

    def model(self, name: str) -> ModelSource:
        return next(model for model in self.models if model.name == name)

    def cells(self, model: ModelSource) -> tuple[Experiment, ...]:
        return tuple(experiment for experiment in self.experiments if experiment.model == model.name)

    def searches_of(self, model: ModelSource) -> tuple[Search, ...]:
        return tuple(search for search in self.searches if search.template.model == model.name)


def read_study(path: Path) -> Study:
    """Read, validate and expand a manifest; relative paths in it start at the manifest.

    A manifest that is not there is looked for among those of the suite (`manifests/phase1.yaml`). What its paths lead
    to lies in its folder, the working directory or a folder of $LOTTERY_DATA: it may come from anybody.

    Raises:
        InputError: anything wrong with it, with file, line and column.
    """
    path, text = _read(path)
    data, positions = declared.understand(text, path)
    manifest = declared.parse(Manifest, data, positions, "a manifest")
    return replace(_Expansion(manifest, path, positions, confined).study(), manifest=text)


def weights_files(path: Path) -> list[tuple[str, WeightsFile]]:
    """Names and files of those models of a manifest that are described by nothing but their file: `read_study` fetches
    what of them is not in the cache.

    Raises:
        InputError: the manifest does not read.
    """
    path, text = _read(path)
    manifest = declared.parse(Manifest, *declared.understand(text, path), "a manifest")
    return [(entry.name, entry.weights) for entry in manifest.models if entry.weights is not None]


def _read(path: Path) -> tuple[Path, str]:
    path = here_or_shipped(path)
    if not is_folder_name(path.stem):
        raise InputError(
            f"a study's results go to a folder of its manifest's name, and {path.name!r} gives none; rename it"
        )
    return path, declared.read(path)


def expand(manifest: Manifest, path: Path, positions: declared.Positions) -> Study:
    """The study of a manifest that the user typed; it is named after `path`, and relative paths start there.

    Raises:
        InputError: a model, text or target is not to be had.
    """
    return _Expansion(manifest, path, positions).study()


class _Expansion:
    def __init__(
        self,
        manifest: Manifest,
        path: Path,
        positions: declared.Positions,
        allowed: Allowed = lambda path, _: path,
    ) -> None:
        self.manifest = manifest
        self.path = path
        self.positions = positions
        self.sources = Sources(manifest, path, positions, allowed)
        self.combinations = Combinations(manifest, positions)
        self.models, self.text = self.sources.models, self.sources.text
        self.context = manifest.context or self.text.context
        self.windows = {entry.name: entry.windows or manifest.windows for entry in manifest.models}
        self.bos = {entry.name: entry.bos or manifest.bos for entry in manifest.models}
        for i, model in enumerate(self.models):
            if self.context > model.anatomy.context:
                where = self.positions.at(("context",) if manifest.context else ("models", i))
                raise InputError(
                    f"{where}: windows of {self.context} tokens are longer than the {model.anatomy.context} "
                    f"positions of model {model.name!r}; set `context: {model.anatomy.context}` or less"
                )

    def study(self) -> Study:
        check_ticket(self.manifest, self.models, self.text, self.positions)
        if self.manifest.ticket is not None:
            return self._study([cell for model in self.models for cell in self._trainings(model, self.manifest.ticket)])
        experiments: list[Experiment] = []
        searches: list[Search] = []
        seen: dict[str, str] = {}
        for model in self.models:
            cells = []
            written: dict[Continuation, str] = {}  # with where that is said first
            for where, cell, cliff in self._cells(model):
                key = f"{cell.id} {cliff and 'cliff'}"
                if key in seen:
                    raise InputError(
                        f"{where}: the cell {describe(cell)} is a duplicate of one at {seen[key]}; remove one of them"
                    )
                seen[key] = where
                if cell.writes:
                    written.setdefault(cell.generation, where)
                if cliff:
                    searches.append(Search(cell, tuple(cliff.factors), sequential=not cliff.whole))
                else:
                    cells.append(cell)
            every = [*cells, *(search.template for search in searches if search.template.model == model.name)]
            dense = self._dense(model, {measure for cell in every for measure in cell.measure}, agreed(written, model))
            experiments += [dense, *_unpruned(every, dense), *cells]
        return self._study(experiments, searches)

    def _study(self, experiments: list[Experiment], searches: Iterable[Search] = ()) -> Study:
        name, title, learnt = self.path.stem, self.manifest.title, tuple(self.sources.learnt.values())
        return Study(name, title, self.models, self.text, self.context, tuple(experiments), tuple(searches), learnt)

    def _trainings(self, model: ModelSource, entry: TicketEntry) -> Iterator[Experiment]:
        learnt = self.sources.learn_from(("ticket",), entry, whole=True)
        found = trainings(model, entry, self.manifest.seed, self.text.reference, self.context, learnt)
        for number, experiment in enumerate(found):
            if number == MOST_EXPERIMENTS:
                raise InputError(
                    f"{self.positions.at(('ticket',))}: this search has more than {MOST_EXPERIMENTS:,} trainings of "
                    f"{model.name!r}, which are the most; make it several studies, or leave seeds, orders or levels out"
                )
            yield experiment

    def _dense(self, model: ModelSource, asked: set[Measure], written: Continuation | None) -> Experiment:
        """The baseline, measured in every way any cell of the model is."""
        measure = _ordered(asked or set(self.manifest.measure))
        at = self.positions.at(("generation",))
        return Experiment(
            model=model.name,
            revision=model.revision,
            criterion="none",
            precision=model.dtype,
            text=self.text.reference,
            context=self.context,
            windows=self.windows[model.name],
            bos=self.bos[model.name],
            parts=model.parts or None,
            generation=written or continuation(self.manifest.generation, () if asked else measure, model, at),
            measure=measure,
        )

    def _cells(self, model: ModelSource) -> Iterator[tuple[str, Experiment, CliffEntry | None]]:
        for i, grid in enumerate(self.manifest.experiments):
            names = [entry.name for entry in self.manifest.models]
            for name in grid.models or ():
                if name not in names:
                    raise InputError(
                        f"{self.positions.at(('experiments', i, 'models'))}: model {name!r} is not among the "
                        f"manifest's models ({', '.join(names)})"
                    )
            if grid.models is None or model.name in grid.models:
                for values in self.combinations.of(model, i, grid):
                    yield self.positions.at(("experiments", i)), self._cell(model, i, values), values["cliff"]

    def _cell(self, model: ModelSource, i: int, values: dict[str, Any]) -> Experiment:
        where, part = ("experiments", i), values["part"]
        selected = self.sources.located(
            where, model.anatomy.select, values["target"], part, values["layers"], values["tied"]
        )
        check_cell(values, selected, model, lambda key: self.positions.at((*where, key)))
        sparsity, budget = values["sparsity"], values["budget"]
        if budget is not None:
            sparsity = self._budget_sparsity(model, where, values, sum(p.weights for p in selected))
        precision = values["precision"] or model.dtype
        measure = _ordered(set(values["measure"]))
        own = "generation" in self.manifest.experiments[i].model_fields_set
        at = self.positions.at((*where, "generation") if own else ("generation",))
        return Experiment(
            model=model.name,
            revision=model.revision,
            criterion=values["criterion"],
            variant=values["variant"],
            cycles=values["cycles"],
            target=values["target"],
            part=part,
            layers=values["layers"],
            scope=values["scope"],
            allocation=values["allocation"],
            pattern=values["pattern"],
            sparsity=sparsity or 0.0,
            budget=budget,
            precision=precision,
            baseline_precision=None if precision == model.dtype else model.dtype,
            tied=values["tied"],
            text=self.text.reference,
            context=self.context,
            windows=self.windows[model.name],
            bos=self.bos[model.name],
            parts=model.parts or None,
            calibration=self._calibration(where, values) if looks_at_activations(values) else None,
            recovery=self._recovery(where, values["recovery"]) if values["recovery"] else None,
            seed=values["seed"] if CRITERIA[values["criterion"]].drawn else None,
            generation=continuation(values["generation"], measure, model, at),
            measure=measure,
        )

    def _calibration(self, where: declared.Where, values: dict[str, Any]) -> Calibration:
        entry: CalibrationEntry = values["calibration"]
        text = self.sources.learn_from((*where, "calibration"), entry)
        return Calibration(text=text, samples=entry.samples, context=self.context, seed=entry.seed[0])

    def _recovery(self, where: declared.Where, entry: RecoveryEntry) -> Recovery:
        return Recovery(
            text=self.sources.learn_from((*where, "recovery"), entry),
            tokens=entry.tokens[0],
            context=self.context,
            batch=entry.batch,
            learning_rate=entry.learning_rate,
            seed=entry.seed,
        )

    def _budget_sparsity(
        self, model: ModelSource, where: declared.Where, values: dict[str, Any], weights: int
    ) -> float:
        total = model.anatomy.budget(values["budget"])
        if total > weights:
            raise InputError(
                f"{self.positions.at((*where, 'budget'))}: a budget of {values['budget']:g} is {total:,} of the block "
                f"weights of {model.name}, more than the {weights:,} weights of its target "
                f"{values['target'] or '+'.join(values['part'])}"
            )
        return total / weights


def _unpruned(cells: Iterable[Experiment], dense: Experiment) -> list[Experiment]:
    """The model with all its weights, treated otherwise as the cells are: what tells pruning's damage from the rest's.
    Each treatment is measured in every way any of its cells is."""
    measured: dict[Experiment, set[Measure]] = {}
    for cell in cells:
        alike = ("precision", "baseline_precision", "recovery")
        variant = dense.model_copy(update={"measure": (), **{field: getattr(cell, field) for field in alike}})
        measured.setdefault(variant, set()).update(cell.measure)
    return [_measured(variant, asked) for variant, asked in measured.items() if not variant.dense]


def _measured(variant: Experiment, asked: set[Measure]) -> Experiment:
    found = variant.model_copy(update={"measure": _ordered(asked)})
    return found if found.writes else found.model_copy(update={"generation": Continuation()})


def _ordered(measures: set[Measure]) -> tuple[Measure, ...]:
    return tuple(measure for measure in MEASURES if measure in measures)
