"""From a manifest to its experiments: every cell resolved, checked against the anatomy of its model, and told apart."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from suite import declared
from suite.data.source import TextSource, text_from_catalogue, text_from_file, training_text
from suite.errors import InputError
from suite.manifest.cliff import Search
from suite.manifest.rules import GROUPS, check_cell, looks_at_activations
from suite.manifest.schema import (
    EACH,
    CalibrationEntry,
    Defaults,
    Grid,
    Manifest,
    ModelEntry,
    RecoveryEntry,
    TextEntry,
)
from suite.models.anatomy import BLOCK
from suite.models.catalogue import Published
from suite.models.source import ModelSource, from_catalogue, from_folder, from_hub
from suite.paths import confined, here_or_shipped, is_folder_name
from suite.records.experiment import Calibration, Experiment, Measure, Recovery, TextReference
from suite.records.plan import Plan, PlannedSearch

MEASURES: tuple[Measure, ...] = get_args(Measure)
RIVALS = ({"target", "part"}, {"sparsity", "budget", "cliff"})  # a grid has one of each
MOST_EXPERIMENTS = 10_000  # of a study: each takes a second at least, and no report has room for more
AXES = (
    "criterion",
    "scope",
    "allocation",
    "pattern",
    "target",
    "part",
    "layers",
    "sparsity",
    "budget",
    "tied",
    "precision",
    "recovery",
    "seed",
)


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
        searches = tuple(PlannedSearch(template=s.template, factors=s.factors) for s in self.searches)
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
    path = here_or_shipped(path)
    if not is_folder_name(path.stem):
        raise InputError(
            f"a study's results go to a folder of its manifest's name, and {path.name!r} gives none; rename it"
        )
    text = declared.read(path)
    data, positions = declared.understand(text, path)
    manifest = declared.parse(Manifest, data, positions, "a manifest")
    return replace(_Expansion(manifest, path, positions, confined).study(), manifest=text)


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
        allowed: Callable[[Path, Path], Path] = lambda path, _: path,
    ) -> None:
        self.manifest = manifest
        self.path = path
        self.positions = positions
        self.allowed = allowed
        self.combinations = 0
        self.models = tuple(self._located(("models", i), self._model, entry) for i, entry in enumerate(manifest.models))
        self.text: TextSource = self._located(("text",), self._text, manifest.text)
        self.learnt: dict[TextReference, TextSource] = {}
        self.context = manifest.context or self.text.context
        for i, model in enumerate(self.models):
            if self.context > model.anatomy.context:
                where = self.positions.at(("context",) if manifest.context else ("models", i))
                raise InputError(
                    f"{where}: windows of {self.context} tokens are longer than the {model.anatomy.context} "
                    f"positions of model {model.name!r}; set `context: {model.anatomy.context}` or less"
                )

    def study(self) -> Study:
        experiments: list[Experiment] = []
        searches: list[Search] = []
        seen: dict[str, str] = {}
        for model in self.models:
            cells = []
            for where, cell, factors in self._cells(model):
                key = f"{cell.id} {factors and 'cliff'}"
                if key in seen:
                    raise InputError(
                        f"{where}: the cell {describe(cell)} is a duplicate of one at {seen[key]}; remove one of them"
                    )
                seen[key] = where
                if factors:
                    searches.append(Search(cell, factors))
                else:
                    cells.append(cell)
            asked = {measure for cell in cells for measure in cell.measure}
            asked |= {measure for search in searches for measure in search.template.measure}
            dense = self._dense(model, asked)
            variants = dict.fromkeys(_unpruned(cell, dense) for cell in [*cells, *(s.template for s in searches)])
            experiments += [dense, *(one for one in variants if not one.dense), *cells]
        name, title, learnt = self.path.stem, self.manifest.title, tuple(self.learnt.values())
        return Study(name, title, self.models, self.text, self.context, tuple(experiments), tuple(searches), learnt)

    def _located(self, where: declared.Where, resolve: Any, *arguments: Any) -> Any:
        try:
            return resolve(*arguments)
        except InputError as error:
            if str(error).startswith(f"{self.path}:"):
                raise
            raise InputError(f"{self.positions.at(where)}: {error}") from error

    def _model(self, entry: ModelEntry) -> ModelSource:
        source = self._source(entry)
        return source if entry.published is None else replace(source, published=Published(entry.published))

    def _source(self, entry: ModelEntry) -> ModelSource:
        if entry.path is not None:
            folder = self._placed(entry.path)
            with suppress(OSError):  # a folder that is none is told by from_folder
                for file in folder.iterdir():
                    self.allowed(file, folder)  # which may be a link
            return from_folder(entry.name, folder, entry.dtype)
        if entry.repository is not None and entry.revision is not None:
            return from_hub(entry.name, entry.repository, entry.revision, entry.dtype)
        return from_catalogue(entry.name, entry.dtype)

    def _text(self, entry: TextEntry | CalibrationEntry | RecoveryEntry) -> TextSource:
        if entry.name is None:
            if entry.path is not None or entry.join is not None:
                raise InputError("a text with a path, or to be joined in another way, needs a name")
            return training_text(self.text)
        if entry.path is not None:
            return text_from_file(entry.name, self._placed(entry.path), entry.join)
        return text_from_catalogue(entry.name, entry.join)

    def _learnt(self, where: declared.Where, entry: CalibrationEntry | RecoveryEntry) -> TextReference:
        """The text that is learnt from, which is never the one that is measured on."""
        source: TextSource = self._located(where, self._text, entry)
        if source.content == self.text.content if source.path and self.text.path else source.name == self.text.name:
            raise InputError(
                f"{self.positions.at(where)}: text {source.name!r} is the one that is measured on; a criterion or a "
                "model that has seen it would be measured too well: give another"
            )
        return self.learnt.setdefault(source.reference, source).reference

    def _placed(self, named: str) -> Path:
        return self.allowed(self.path.parent / named, self.path.parent)

    def _dense(self, model: ModelSource, asked: set[Measure]) -> Experiment:
        """The baseline, measured in every way any cell of the model is."""
        return Experiment(
            model=model.name,
            revision=model.revision,
            criterion="none",
            precision=model.dtype,
            text=self.text.reference,
            context=self.context,
            measure=_ordered(asked or set(self.manifest.measure)),
        )

    def _cells(self, model: ModelSource) -> Iterator[tuple[str, Experiment, tuple[float, ...]]]:
        for i, grid in enumerate(self.manifest.experiments):
            names = [entry.name for entry in self.manifest.models]
            for name in grid.models or ():
                if name not in names:
                    raise InputError(
                        f"{self.positions.at(('experiments', i, 'models'))}: model {name!r} is not among the "
                        f"manifest's models ({', '.join(names)})"
                    )
            if grid.models is None or model.name in grid.models:
                for values in self._combinations(model, i, grid):
                    factors = tuple(values["cliff"] or ())
                    yield self.positions.at(("experiments", i)), self._cell(model, i, values), factors

    def _combinations(self, model: ModelSource, i: int, grid: Grid) -> Iterator[dict[str, Any]]:
        """Every combination of a grid's values, the manifest's own standing in for what the grid leaves out."""
        chosen: dict[str, Any] = {}
        for axis in (*AXES, "measure", "cliff", "calibration"):
            own = axis in grid.model_fields_set
            # A grid's own `part` replaces the manifest's `target`, its `budget` the manifest's `sparsity`, and so on.
            rivals = next((group - {axis} for group in RIVALS if axis in group), set())
            overruled = not own and bool(rivals & grid.model_fields_set)
            source: Defaults = grid if own else self.manifest
            chosen[axis] = None if overruled else getattr(source, axis)
        self._each(model, chosen)
        where = self.positions.at(("experiments", i))
        self.combinations += math.prod(len(chosen[axis] or [None]) for axis in AXES)
        if self.combinations > MOST_EXPERIMENTS:
            raise InputError(
                f"{where}: with this grid the study has {self.combinations:,} combinations of its models and values, "
                f"and {MOST_EXPERIMENTS:,} are the most; make it several studies, or leave values out"
            )
        if chosen["target"] is None and chosen["part"] is None:
            raise InputError(f"{where}: a grid needs a target or a part")
        halves = set(chosen["pattern"]) <= set(GROUPS)
        if halves and "sparsity" in grid.model_fields_set:
            at = self.positions.at(("experiments", i, "sparsity"))
            raise InputError(
                f"{at}: pattern {' or '.join(chosen['pattern'])} removes half of the weights; leave `sparsity` out"
            )
        if not halves and chosen["sparsity"] is None and chosen["budget"] is None and chosen["cliff"] is None:
            raise InputError(f"{where}: a grid needs a sparsity, a budget or a cliff")
        for combination in itertools.product(*(chosen[axis] or [None] for axis in AXES)):
            values = dict(zip(AXES, combination, strict=True))
            if values["criterion"] != "random" and values["seed"] != chosen["seed"][0]:
                continue  # only a random choice has seeds
            if values["pattern"] in GROUPS:
                if chosen["sparsity"] and values["sparsity"] != chosen["sparsity"][0]:
                    continue  # it has one sparsity
                values["sparsity"] = 0.5
            yield {**values, **{key: chosen[key] for key in ("measure", "cliff", "calibration")}}

    def _each(self, model: ModelSource, chosen: dict[str, Any]) -> None:
        """Write `each` and the axes that a manifest gives in another form out as values."""
        if chosen["part"] is not None:
            there = {parameter.part for parameter in model.anatomy.block_linears}
            each = [(part,) for part in BLOCK if part in there]
            chosen["part"] = each if chosen["part"] == [EACH] else [tuple(chosen["part"])]
        if chosen["layers"] == [EACH]:
            chosen["layers"] = [str(layer) for layer in range(model.anatomy.layers)]
        if (entry := chosen["recovery"]) is not None:
            chosen["recovery"] = [entry.model_copy(update={"tokens": [tokens]}) for tokens in entry.tokens]

    def _cell(self, model: ModelSource, i: int, values: dict[str, Any]) -> Experiment:
        where, part = ("experiments", i), values["part"]
        selected = self._located(where, model.anatomy.select, values["target"], part, values["layers"], values["tied"])
        check_cell(values, selected, model, lambda key: self.positions.at((*where, key)))
        sparsity, budget = values["sparsity"], values["budget"]
        if budget is not None:
            sparsity = self._budget_sparsity(model, where, values, sum(p.weights for p in selected))
        precision = values["precision"] or model.dtype
        return Experiment(
            model=model.name,
            revision=model.revision,
            criterion=values["criterion"],
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
            calibration=self._calibration(where, values) if looks_at_activations(values) else None,
            recovery=self._recovery(where, values["recovery"]) if values["recovery"] else None,
            seed=values["seed"] if values["criterion"] == "random" else None,
            measure=_ordered(set(values["measure"])),
        )

    def _calibration(self, where: declared.Where, values: dict[str, Any]) -> Calibration:
        entry: CalibrationEntry = values["calibration"]
        text = self._learnt((*where, "calibration"), entry)
        return Calibration(text=text, samples=entry.samples, context=self.context, seed=entry.seed)

    def _recovery(self, where: declared.Where, entry: RecoveryEntry) -> Recovery:
        return Recovery(
            text=self._learnt((*where, "recovery"), entry),
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


def describe(experiment: Experiment) -> str:
    """A cell in a few words, for the terminal."""
    if experiment.unpruned:
        return " ".join(filter(None, [experiment.model, "dense", *_beside(experiment)]))
    how_far = f"{100 * experiment.sparsity:.4g} %"
    if experiment.budget is not None:
        how_far += f" (budget {100 * experiment.budget:.4g} %)"
    extras = [
        experiment.criterion if experiment.criterion != "magnitude" else "",
        f"seed {experiment.seed}" if experiment.seed is not None else "",
        f"scope {experiment.scope}" if experiment.scope != "tensor" else "",
        f"tied {experiment.tied}" if experiment.tied != "untie" else "",
        experiment.allocation if experiment.allocation != "uniform" else "",
        experiment.pattern or "",
        *_beside(experiment),
    ]
    return " ".join(filter(None, [experiment.model, experiment.what, how_far, *extras]))


def _beside(experiment: Experiment) -> list[str]:
    """What is done to the model beside pruning."""
    return [
        f"in {experiment.precision}" if experiment.baseline_precision is not None else "",
        f"recovered over {experiment.recovery.tokens:,} tokens" if experiment.recovery else "",
    ]


def _unpruned(cell: Experiment, dense: Experiment) -> Experiment:
    """The model with all its weights, treated otherwise as the cell is: what tells pruning's damage from the rest's."""
    return dense.model_copy(
        update={
            "precision": cell.precision,
            "baseline_precision": cell.baseline_precision,
            "recovery": cell.recovery,
        }
    )


def _ordered(measures: set[Measure]) -> tuple[Measure, ...]:
    return tuple(measure for measure in MEASURES if measure in measures)
