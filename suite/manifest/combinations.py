"""A grid's values, combined: every cell's own, the manifest's standing in for what the grid leaves out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

from suite import declared
from suite.errors import InputError
from suite.manifest.rules import GROUPS, looks_at_activations
from suite.manifest.schema import EACH, Defaults, Grid, Manifest
from suite.models.anatomy import BLOCK
from suite.models.source import ModelSource
from suite.pruning.criteria import CRITERIA

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
    "calibration",
    "recovery",
    "seed",
)
WHOLE = ("measure", "cliff", "generation")  # every combination has all of these


class Combinations:
    """The combinations of a manifest's grids, counted."""

    def __init__(self, manifest: Manifest, positions: declared.Positions) -> None:
        self.manifest = manifest
        self.positions = positions
        self.count = 0

    def of(self, model: ModelSource, i: int, grid: Grid) -> Iterator[dict[str, Any]]:
        """Every combination of a grid's values, the manifest's own standing in for what the grid leaves out."""
        chosen: dict[str, Any] = {}
        for axis in (*AXES, *WHOLE):
            own = axis in grid.model_fields_set
            # A grid's own `part` replaces the manifest's `target`, its `budget` the manifest's `sparsity`, and so on.
            rivals = next((group - {axis} for group in RIVALS if axis in group), set())
            overruled = not own and bool(rivals & grid.model_fields_set)
            source: Defaults = grid if own else self.manifest
            chosen[axis] = None if overruled else getattr(source, axis)
        self._each(model, chosen)
        where = self.positions.at(("experiments", i))
        self.count += math.prod(len(chosen[axis] or [None]) for axis in AXES)
        if self.count > MOST_EXPERIMENTS:
            raise InputError(
                f"{where}: with this grid the study has {self.count:,} combinations of its models and values, "
                f"and {MOST_EXPERIMENTS:,} are the most; make it several studies, or leave values out"
            )
        if not chosen["criterion"]:
            raise InputError(f"{where}: a grid needs a criterion; leave `criterion` out for magnitude")
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
            values |= values["criterion"].values
            if not CRITERIA[values["criterion"]].drawn and values["seed"] != chosen["seed"][0]:
                continue  # only what draws has seeds
            if values["calibration"] != chosen["calibration"][0] and not looks_at_activations(values):
                continue
            if values["pattern"] in GROUPS:
                if chosen["sparsity"] and values["sparsity"] != chosen["sparsity"][0]:
                    continue  # it has one sparsity
                values["sparsity"] = 0.5
            yield {**values, **{key: chosen[key] for key in WHOLE}}

    @staticmethod
    def _each(model: ModelSource, chosen: dict[str, Any]) -> None:
        """Write `each` and the axes that a manifest gives in another form out as values."""
        if chosen["part"] is not None:
            there = {parameter.part for parameter in model.anatomy.block_linears}
            each = [(part,) for part in BLOCK if part in there]
            chosen["part"] = each if chosen["part"] == [EACH] else [tuple(chosen["part"])]
        if chosen["layers"] == [EACH]:
            chosen["layers"] = [str(layer) for layer in range(model.anatomy.layers)]
        shown = chosen["calibration"]
        chosen["calibration"] = [shown.model_copy(update={"seed": [seed]}) for seed in shown.seed]
        if (entry := chosen["recovery"]) is not None:
            chosen["recovery"] = [entry.model_copy(update={"tokens": [tokens]}) for tokens in entry.tokens]
