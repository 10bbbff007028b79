"""What goes beyond plain pruning: criteria side by side, patterns, precisions, recovery, structure, the map."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from suite.analysis.criteria import Criteria, criteria_of
from suite.analysis.criteria_claims import criteria_claims
from suite.analysis.damage_map import DamageMap, map_claims, maps_of
from suite.analysis.models import ModelFacts
from suite.analysis.patterns import Grouped, pattern_claims, patterns_of
from suite.analysis.precision import Rounding, precision_claims, roundings_of
from suite.analysis.recovery import Recoveries, recoveries_of, recovery_claims
from suite.analysis.structure import Structure, structure_claims, structure_of
from suite.analysis.values import Claim
from suite.records.schema import Recovered


@dataclass(frozen=True, slots=True)
class Further:
    """Each empty where the study has no records for it; in the order of the models, the main one first."""

    criteria: tuple[Criteria, ...]  # ways to choose what goes, side by side
    patterns: tuple[Grouped, ...]  # 2:4 and 4:8 beside half of the weights anywhere
    roundings: tuple[Rounding, ...]  # pruned and rounded, each alone and both
    recoveries: tuple[Recoveries, ...]  # what training brings back
    structures: tuple[Structure, ...]  # neurons and layers taken out, beside scattered zeros
    maps: tuple[DamageMap, ...]  # the damage of each part of each layer; the map that tells most places apart first

    @property
    def courses(self) -> tuple[Recoveries, ...]:
        """The criteria side by side at one sparsity of one model: that of the first model which most of them were
        trained at, of equals the largest; as long as each other, the course of each known."""
        known = [one for one in self.recoveries if isinstance(one.most.learnt, Recovered)]
        groups: dict[tuple[str, float], list[Recoveries]] = {}
        for one in known:
            if one.model == known[0].model:
                groups.setdefault((one.what, one.sparsity), []).append(one)
        best = max(groups, key=lambda key: (len(groups[key]), key[1], key[0]), default=None)
        longest = max((one.most.tokens for one in groups[best]), default=0) if best else 0
        return tuple(one for one in groups[best] if one.most.tokens == longest) if best else ()

    @property
    def rows(self) -> dict[str, dict[str, list[tuple[Any, Any]]]]:
        """The rows of the tables, by table and model: what each is a row of, and the row. Of what is rounded those of
        the largest sparsity: the figure has the others."""
        whole: dict[str, list[tuple[Any, Any]]] = {
            "patterns": [(one, one) for one in self.patterns],
            "rounding": [(one, row) for one in self.roundings for row in one.most],
            "recovery": [(one, row) for one in self.recoveries for row in one.rows],
            "structure": [(one, row) for one in self.structures for *_, rows in one.lines for row in rows],
        }
        return {table: _by_model(found) for table, found in whole.items()}

    @property
    def claims(self) -> tuple[Claim, ...]:
        return (
            *criteria_claims(self.criteria),
            *pattern_claims(self.patterns),
            *precision_claims(self.roundings),
            *recovery_claims(self.recoveries),
            *structure_claims(self.structures),
            *map_claims(self.maps),
        )


def _by_model(rows: Iterable[tuple[Any, Any]]) -> dict[str, list[tuple[Any, Any]]]:
    found: dict[str, list[tuple[Any, Any]]] = {}
    for one, row in rows:
        found.setdefault(one.model, []).append((one, row))
    return found


def further(models: Sequence[ModelFacts]) -> Further:
    maps = (found for model in models for found in maps_of(model.dense, model.cells))
    return Further(
        criteria=tuple(found for model in models if (found := criteria_of(model.name, model.cells))),
        patterns=tuple(row for model in models for row in patterns_of(model.cells)),
        roundings=tuple(found for model in models for found in roundings_of(model.dense, model.cells)),
        recoveries=tuple(found for model in models for found in recoveries_of(model.dense, model.cells)),
        structures=tuple(one for model in models if (one := structure_of(model))),
        maps=tuple(sorted(maps, key=lambda one: -one.apart / len(one.known))),
    )
