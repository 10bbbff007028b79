"""From a manifest to its experiments: every cell resolved, checked against the anatomy of its model, and told apart."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from suite import declared
from suite.data.source import TextSource, text_from_catalogue, text_from_file
from suite.errors import InputError
from suite.manifest.schema import Defaults, Grid, Manifest, ModelEntry
from suite.models.source import ModelSource, from_catalogue, from_folder, from_hub
from suite.paths import ROOT
from suite.records.schema import Experiment, Measure

MEASURES: tuple[Measure, ...] = get_args(Measure)
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

    def model(self, name: str) -> ModelSource:
        return next(model for model in self.models if model.name == name)

    def cells(self, model: ModelSource) -> tuple[Experiment, ...]:
        return tuple(experiment for experiment in self.experiments if experiment.model == model.name)


def read_study(path: Path) -> Study:
    """Read, validate and expand a manifest; relative paths in it start at the manifest.

    A manifest that is not there is looked for among those of the suite (`manifests/phase1.yaml`).

    Raises:
        InputError: anything wrong with it, with file, line and column.
    """
    if not path.exists() and not path.is_absolute() and (ROOT / path).is_file():
        path = ROOT / path
    data, positions = declared.load(path)
    manifest = declared.parse(Manifest, data, positions, "a manifest")
    return _Expansion(manifest, path, positions).study()


class _Expansion:
    def __init__(self, manifest: Manifest, path: Path, positions: declared.Positions) -> None:
        self.manifest = manifest
        self.path = path
        self.positions = positions
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
        seen: dict[str, str] = {}
        for model in self.models:
            cells = []
            for where, experiment in self._cells(model):
                if experiment.id in seen:
                    raise InputError(
                        f"{where}: the cell {describe(experiment)} is a duplicate of one at {seen[experiment.id]}; "
                        "remove one of them"
                    )
                seen[experiment.id] = where
                cells.append(experiment)
            experiments += [self._dense(model, cells), *cells]
        return Study(self.path.stem, self.manifest.title, self.models, self.text, self.context, tuple(experiments))

    def _located(self, where: declared.Where, resolve: Any, *arguments: Any) -> Any:
        try:
            return resolve(*arguments)
        except InputError as error:
            if str(error).startswith(f"{self.path}:"):
                raise
            raise InputError(f"{self.positions.at(where)}: {error}") from error

    def _model(self, entry: ModelEntry) -> ModelSource:
        if entry.path is not None:
            return from_folder(entry.name, self.path.parent / entry.path, entry.dtype)
        if entry.repository is not None and entry.revision is not None:
            return from_hub(entry.name, entry.repository, entry.revision, entry.dtype)
        return from_catalogue(entry.name, entry.dtype)

    def _text(self) -> TextSource:
        entry = self.manifest.text
        if entry.path is not None:
            return text_from_file(entry.name, self.path.parent / entry.path, entry.join)
        return text_from_catalogue(entry.name, entry.join)

    def _dense(self, model: ModelSource, cells: list[Experiment]) -> Experiment:
        """The baseline, measured in every way any cell of the model is."""
        wanted = {measure for cell in cells for measure in cell.measure} or set(self.manifest.measure)
        return Experiment(
            model=model.name,
            revision=model.revision,
            criterion="none",
            precision=model.dtype,
            text=self.text.reference,
            context=self.context,
            measure=_ordered(wanted),
        )

    def _cells(self, model: ModelSource) -> Iterator[tuple[str, Experiment]]:
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
                    yield self.positions.at(("experiments", i)), self._cell(model, i, values)

    def _combinations(self, i: int, grid: Grid) -> Iterator[dict[str, Any]]:
        """Every combination of a grid's values, the manifest's own standing in for what the grid leaves out."""
        chosen: dict[str, Any] = {}
        for axis in (*AXES, "part", "measure"):
            own = axis in grid.model_fields_set
            # A grid's own `part` replaces the manifest's `target`, its `budget` the manifest's `sparsity`, and so on.
            rival = {"target": "part", "part": "target", "sparsity": "budget", "budget": "sparsity"}.get(axis)
            overruled = not own and rival in grid.model_fields_set
            source: Defaults = grid if own else self.manifest
            chosen[axis] = None if overruled else getattr(source, axis)
        where = self.positions.at(("experiments", i))
        if chosen["target"] is None and chosen["part"] is None:
            raise InputError(f"{where}: a grid needs a target or a part")
        if chosen["sparsity"] is None and chosen["budget"] is None:
            raise InputError(f"{where}: a grid needs a sparsity or a budget")
        for combination in itertools.product(*(chosen[axis] or [None] for axis in AXES)):
            values = dict(zip(AXES, combination, strict=True))
            if values["criterion"] != "random" and values["seed"] != chosen["seed"][0]:
                continue  # only a random choice has seeds
            yield {**values, "part": chosen["part"], "measure": chosen["measure"]}

    def _cell(self, model: ModelSource, i: int, values: dict[str, Any]) -> Experiment:
        where = ("experiments", i)
        part = tuple(values["part"]) if values["part"] else None
        selected = self._located(where, model.anatomy.select, values["target"], part, values["layers"], values["tied"])
        sparsity, budget = values["sparsity"], values["budget"]
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
            sparsity=sparsity,
            budget=budget,
            precision=model.dtype,
            tied=values["tied"],
            text=self.text.reference,
            context=self.context,
            seed=values["seed"] if values["criterion"] == "random" else None,
            measure=_ordered(set(values["measure"])),
        )

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
