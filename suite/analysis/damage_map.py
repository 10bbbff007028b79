"""A map of the ticket: the damage of each kind of part of each layer, when all lose the same number of weights."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from suite.analysis.cells import Cell
from suite.analysis.paired import contrast
from suite.analysis.values import Bounds, NotMeasured, Number, Verdict
from suite.models.anatomy import BLOCK
from suite.records.schema import Interval

Spot = tuple[str, str]  # part, layer


@dataclass(frozen=True, slots=True)
class Damage:
    """One place: the nats a token its loss costs, and whether its 95 % interval keeps that apart from nothing."""

    cell: Cell
    part: str
    layer: str

    @property
    def nats(self) -> Number:
        """The rise of the mean loss over the dense model's; below nothing where pruning did good, or by chance."""
        return r if isinstance(r := self.cell.ratio, NotMeasured) else math.log(r)

    @property
    def apart(self) -> Verdict:
        """Whether its loss does harm (`FAILS`: it does good)."""
        if not isinstance(interval := self.cell.interval, Interval) or interval.low <= 1 <= interval.high:
            return Verdict.UNKNOWN
        return Verdict.HOLDS if interval.low > 1 else Verdict.FAILS

    @property
    def name(self) -> str:
        return f"{self.part} of layer {self.layer}"


@dataclass(frozen=True, slots=True)
class DamageMap:
    """One model, criterion and budget (the share of the blocks' weights that each place lost).

    `parts` and `layers` are in the model's own order; a place that was not asked for is not among `spots`.
    """

    model: str
    criterion: str
    budget: float
    parts: tuple[str, ...]
    layers: tuple[str, ...]
    spots: Mapping[Spot, Damage]
    dense: Cell | NotMeasured

    @property
    def known(self) -> tuple[Damage, ...]:
        """The places measured, most harmful first."""
        found = [spot for spot in self.spots.values() if isinstance(spot.nats, float)]
        return tuple(sorted(found, key=lambda spot: (-_nats(spot), spot.name)))

    @property
    def worst(self) -> Damage:
        return self.known[0]

    @property
    def apart(self) -> int:
        """Of how many places the loss is told apart from none."""
        return sum(spot.apart is not Verdict.UNKNOWN for spot in self.known)

    @property
    def total(self) -> float:
        """Nats, over all places that do harm."""
        return sum(max(_nats(spot), 0.0) for spot in self.known)

    @property
    def share(self) -> float:
        """The worst place's share of the damage of all."""
        return _nats(self.worst) / self.total if self.total > 0 else 0.0

    @property
    def half(self) -> int:
        """How many places, the most harmful first, make up half of the damage of all."""
        total, seen = self.total, 0.0
        for count, spot in enumerate(self.known, start=1):
            seen += max(_nats(spot), 0.0)
            if 2 * seen >= total:
                return count
        return len(self.known)

    def by_part(self) -> tuple[tuple[str, float], ...]:
        """Each kind of part with its damage summed over the layers, most harmful first."""
        return self._summed(self.parts, 0)

    def by_layer(self) -> tuple[tuple[str, float], ...]:
        """Each layer with its damage summed over its parts, most harmful first."""
        return self._summed(self.layers, 1)

    def alone(self, level: float) -> Bounds:
        """The interval, nats, of the worst place's damage less that of all the others together.

        The worst is chosen on the windows it is judged by, which favours a single place a little.
        """
        if isinstance(self.dense, NotMeasured):
            return self.dense
        others = [spot.cell for spot in self.known[1:]]
        return contrast([self.worst.cell, *[self.dense] * (len(others) - 1)], others, level)

    def _summed(self, names: Iterable[str], axis: int) -> tuple[tuple[str, float], ...]:
        sums = {name: sum(_nats(s) for key, s in self.spots.items() if key[axis] == name) for name in names}
        return tuple(sorted(sums.items(), key=lambda pair: -pair[1]))


def _nats(spot: Damage) -> float:
    return nats if isinstance(nats := spot.nats, float) else 0.0


def maps_of(dense: Cell | NotMeasured, cells: Iterable[Cell]) -> tuple[DamageMap, ...]:
    """One for each criterion and budget under which several places of one model were pruned alone."""
    groups: dict[tuple[str, float], dict[Spot, Damage]] = {}
    for cell in cells:
        e = cell.experiment
        if cell.mapped and not (e.pattern or e.baseline_precision or e.recovery):
            spot = "+".join(e.part or ()), e.layers or ""
            groups.setdefault((e.criterion, e.budget or 0.0), {}).setdefault(spot, Damage(cell, *spot))
    found = [_map(key, spots, dense) for key, spots in groups.items()]
    return tuple(one for one in found if len(one.known) > 2)


def _map(key: tuple[str, float], spots: Mapping[Spot, Damage], dense: Cell | NotMeasured) -> DamageMap:
    def place(part: str) -> tuple[int, str]:
        return BLOCK.index(part) if part in BLOCK else len(BLOCK), part

    parts = sorted({part for part, _ in spots}, key=place)
    layers = sorted({layer for _, layer in spots}, key=lambda layer: [int(n) for n in re.findall(r"\d+", layer)])
    model = next(iter(spots.values())).cell.model
    return DamageMap(model, *key, tuple(parts), tuple(layers), spots, dense)
