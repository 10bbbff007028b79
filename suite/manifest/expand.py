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
from suite.data.source import TextSource, text_from_catalogue, text_from_file
from suite.errors import InputError
from suite.manifest.cliff import Search
from suite.manifest.schema import Defaults, Grid, Manifest, ModelEntry
from suite.models.catalogue import Published
from suite.models.source import ModelSource, from_catalogue, from_folder, from_hub
from suite.paths import confined, here_or_shipped, is_folder_name
from suite.records.plan import Plan, PlannedSearch
from suite.records.schema import Experiment, Measure

MEASURES: tuple[Measure, ...] = get_args(Measure)
RIVALS = ({"target", "part"}, {"sparsity", "budget", "cliff"})  # a grid has one of each
MOST_EXPERIMENTS = 10_000  # of a study: each takes a second at least, and no report has room for more
AXES = ("criterion", "scope", "target", "layers", "sparsity", "budget", "tied", "seed")


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
        self.text: TextSource = self._located(("text",), self._text)
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
            experiments += [self._dense(model, asked), *cells]
        name, title = self.path.stem, self.manifest.title
        return Study(name, title, self.models, self.text, self.context, tuple(experiments), tuple(searches))

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

    def _text(self) -> TextSource:
        entry = self.manifest.text
        if entry.path is not None:
            return text_from_file(entry.name, self._placed(entry.path), entry.join)
        return text_from_catalogue(entry.name, entry.join)

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
                for values in self._combinations(i, grid):
                    factors = tuple(values["cliff"] or ())
                    yield self.positions.at(("experiments", i)), self._cell(model, i, values), factors

    def _combinations(self, i: int, grid: Grid) -> Iterator[dict[str, Any]]:
        """Every combination of a grid's values, the manifest's own standing in for what the grid leaves out."""
        chosen: dict[str, Any] = {}
        for axis in (*AXES, "part", "measure", "cliff"):
            own = axis in grid.model_fields_set
            # A grid's own `part` replaces the manifest's `target`, its `budget` the manifest's `sparsity`, and so on.
            rivals = next((group - {axis} for group in RIVALS if axis in group), set())
            overruled = not own and bool(rivals & grid.model_fields_set)
            source: Defaults = grid if own else self.manifest
            chosen[axis] = None if overruled else getattr(source, axis)
        where = self.positions.at(("experiments", i))
        self.combinations += math.prod(len(chosen[axis] or [None]) for axis in AXES)
        if self.combinations > MOST_EXPERIMENTS:
            raise InputError(
                f"{where}: with this grid the study has {self.combinations:,} combinations of its models and values, "
                f"and {MOST_EXPERIMENTS:,} are the most; make it several studies, or leave values out"
            )
        if chosen["target"] is None and chosen["part"] is None:
            raise InputError(f"{where}: a grid needs a target or a part")
        if chosen["sparsity"] is None and chosen["budget"] is None and chosen["cliff"] is None:
            raise InputError(f"{where}: a grid needs a sparsity, a budget or a cliff")
        for combination in itertools.product(*(chosen[axis] or [None] for axis in AXES)):
            values = dict(zip(AXES, combination, strict=True))
            if values["criterion"] != "random" and values["seed"] != chosen["seed"][0]:
                continue  # only a random choice has seeds
            yield {**values, "part": chosen["part"], "measure": chosen["measure"], "cliff": chosen["cliff"]}

    def _cell(self, model: ModelSource, i: int, values: dict[str, Any]) -> Experiment:
        where = ("experiments", i)
        part = tuple(values["part"]) if values["part"] else None
        selected = self._located(where, model.anatomy.select, values["target"], part, values["layers"], values["tied"])
        sparsity, budget = values["sparsity"], values["budget"]
        if values["scope"] == "published":
            self._check_published(where, values)
        if values["cliff"] is not None and "perplexity" not in values["measure"]:
            raise InputError(f"{self.positions.at((*where, 'measure'))}: a cliff is searched by measuring perplexity")
        if budget is not None:
            sparsity = self._budget_sparsity(model, where, values, sum(p.weights for p in selected))
        return Experiment(
            model=model.name,
            revision=model.revision,
            criterion=values["criterion"],
            target=values["target"],
            part=part,
            layers=values["layers"],
            scope=values["scope"],
            sparsity=sparsity or 0.0,
            budget=budget,
            precision=model.dtype,
            tied=values["tied"],
            text=self.text.reference,
            context=self.context,
            seed=values["seed"] if values["criterion"] == "random" else None,
            measure=_ordered(set(values["measure"])),
        )

    def _check_published(self, where: declared.Where, values: dict[str, Any]) -> None:
        at = self.positions.at((*where, "scope"))
        if values["criterion"] == "random":
            raise InputError(f"{at}: no paper's code counts random removal; scope `published` is for other criteria")
        if values["budget"] is not None:
            raise InputError(f"{at}: a budget is an exact number of weights, and scope `published` takes ties along")
        if values["sparsity"] == 1:
            raise InputError(f"{at}: scope `published` has no threshold at sparsity 1; ask for less")

    def _budget_sparsity(
        self, model: ModelSource, where: declared.Where, values: dict[str, Any], weights: int
    ) -> float:
        if values["scope"] == "row":
            at = self.positions.at((*where, "scope"))
            raise InputError(f"{at}: a budget is an exact number of weights, which scope `row` cannot spread evenly")
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
    if experiment.dense:
        return f"{experiment.model} dense"
    how_far = f"{100 * experiment.sparsity:.4g} %"
    if experiment.budget is not None:
        how_far += f" (budget {100 * experiment.budget:.4g} %)"
    extras = [
        experiment.criterion if experiment.criterion != "magnitude" else "",
        f"seed {experiment.seed}" if experiment.seed is not None else "",
        f"scope {experiment.scope}" if experiment.scope != "tensor" else "",
        f"tied {experiment.tied}" if experiment.tied != "untie" else "",
    ]
    return " ".join(filter(None, [experiment.model, experiment.what, how_far, *extras]))


def _ordered(measures: set[Measure]) -> tuple[Measure, ...]:
    return tuple(measure for measure in MEASURES if measure in measures)
