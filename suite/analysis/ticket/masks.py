"""What the masks of tickets tell: where the survivors are, and whether another order of the data finds them again; and
the straight lines between networks, which tell whether they lie in one basin of the loss."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache

from suite.analysis.cells import Cell
from suite.analysis.ticket.rivals import excess
from suite.analysis.ticket.rows import Agreement, Basin, Matched, Survivors
from suite.analysis.ticket.seeds import Seeds
from suite.analysis.ticket.trainings import Place, Search, trained_of
from suite.models.anatomy import ARCHITECTURES, BLOCK, Anatomy
from suite.records.trained import Overlap, Trained

_LAYER = re.compile(r"\.layers\.(\d+)\.")


def survivors_of(search: Search, focus: Matched | None, rewind: float) -> Survivors | None:
    """Where the survivors of a level are; None where no record of it counts them by tensor."""
    if focus is None:
        return None
    cells = list(search.at(Place(arm="ticket", level=focus.level, rewind=rewind)).values())
    maps = [found for cell in cells if (found := _shares(cell))]
    if not maps:
        return None
    spots = sorted({spot for one in maps for spot in one}, key=lambda spot: (BLOCK.index(spot[0]), spot[1]))
    share = {spot: sum(one[spot] for one in maps if spot in one) / sum(spot in one for one in maps) for spot in spots}
    parts, layers = tuple(dict.fromkeys(p for p, _ in spots)), tuple(sorted({layer for _, layer in spots}))
    return Survivors(rewind, focus.level, focus.remaining, parts, layers, share, len(maps))


def orders_of(search: Search) -> tuple[Agreement, ...]:
    """The masks of one initialisation under two orders of the data, by level; of more orders, each with the first,
    their mean."""
    places = [place for place in search.tested("ticket") if place.order]
    found = []
    for level, rewind in dict.fromkeys((place.level, place.rewind) for place in places):
        same = [place for place in places if (place.level, place.rewind) == (level, rewind)]
        columns = (_between(search, same, value) for value in (_shared, _chance, excess))
        row = Agreement(level, search.remaining(level), rewind, *columns)
        if row.shared.n:
            found.append(row)
    return tuple(found)


def basins_of(search: Search) -> tuple[Basin, ...]:
    """The straight lines from the dense network to every other one that has its."""
    places = [*search.tested("dense"), *search.tested("ticket")]
    rows = []
    for place in sorted(places, key=lambda place: (place.order, place.rewind, place.level)):
        barrier = search.seeds(place, _barrier)
        if barrier.n:
            paths = [trained_of(cell).path or () for cell in search.at(place).values()]
            rows.append(
                Basin(
                    place.level,
                    search.remaining(place.level),
                    place.rewind,
                    place.order,
                    barrier,
                    _course([path for path in paths if path]),
                )
            )
    return tuple(rows)


def _course(paths: list[tuple[float, ...]]) -> tuple[float, ...]:
    if len({len(path) for path in paths}) != 1:
        return ()
    return tuple(sum(losses) / len(losses) for losses in zip(*paths, strict=True))


def _barrier(trained: Trained) -> float | None:
    """The highest loss on the line over the higher of its ends; 0 where nothing between is higher."""
    path = trained.path
    return None if path is None else max(path) - max(path[0], path[-1])


def _between(search: Search, places: Iterable[Place], value: Callable[[Overlap], float | None]) -> Seeds:
    """Of each seed, the mean over the orders."""
    found: dict[int, list[float]] = {}
    for place in places:
        for seed, cell in search.at(place).items():
            overlap = trained_of(cell).overlaps.other_order
            if overlap is not None and (number := value(overlap)) is not None:
                found.setdefault(seed, []).append(number)
    return Seeds.of({seed: sum(numbers) / len(numbers) for seed, numbers in found.items()})


def _shared(overlap: Overlap) -> float:
    return overlap.shared


def _chance(overlap: Overlap) -> float:
    return overlap.chance


def _shares(cell: Cell) -> dict[tuple[str, int], float]:
    """The share that survives of each part of each layer, of one ticket."""
    pruning = cell.record.pruning
    counts: dict[tuple[str, int], tuple[int, int]] = {}
    for name, count in (pruning.per_tensor if pruning else {}).items():
        if spot := _spot(name):
            weights, zeros = counts.get(spot, (0, 0))
            counts[spot] = weights + count.weights, zeros + count.zeros
    return {spot: 1 - zeros / weights for spot, (weights, zeros) in counts.items()}


def _spot(name: str) -> tuple[str, int] | None:
    """The part and the layer of a tensor; None outside the linear weights of the blocks."""
    layer = _LAYER.search(name)
    part = _parts().get(name[layer.end() :]) if layer else None
    return (part, int(layer[1])) if layer and part else None


@cache
def _parts() -> dict[str, str]:
    """The part of each linear weight of a block by its name in the block, whatever the architecture."""
    least = dict.fromkeys(("num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads"), 1)
    anatomies = (Anatomy({"vocab_size": 1, "model_type": kind, **least}) for kind in ARCHITECTURES)
    return {p.name.partition(".layers.0.")[2]: p.part for one in anatomies for p in one.parameters if p.part in BLOCK}
