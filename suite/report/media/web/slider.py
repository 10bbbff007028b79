"""What the page's slider shows: the first model at every sparsity that was measured, and nothing in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from suite.analysis.cells import Cell
from suite.analysis.facts import Facts
from suite.analysis.models import ModelFacts
from suite.analysis.parts import PARTS
from suite.analysis.samples import Utterance
from suite.analysis.values import Bounds, NotMeasured, Number
from suite.report.format import harm
from suite.report.tables import SHADES

FEWEST = 3  # stops worth a slider
WORST = 10.0  # times dense: the darkest shade of a part
UNKNOWN = NotMeasured("this part alone was not pruned to this sparsity")
NAMES = {
    "embeddings": "embeddings",
    "early": "early layers",
    "late": "late layers",
    "lm_head": "output head",
    "attention": "attention",
    "mlp": "MLP",
}


@dataclass(frozen=True, slots=True)
class Stop:
    """The model with one share of its weights removed.

    `parts` are the perplexities relative to dense where each part alone lost this share of its own weights.
    """

    sparsity: float
    perplexity: Number
    ratio: Number
    interval: Bounds
    bytes: Number
    utterance: Utterance | None
    parts: Mapping[str, Number]

    @property
    def known(self) -> int:
        """How much of what a stop shows was measured here, the dense model apart, which is known throughout."""
        if not self.sparsity:
            return 0
        parts = any(isinstance(value, float) for value in self.parts.values())
        return parts + (self.utterance is not None) + isinstance(self.bytes, float)

    @property
    def place(self) -> str:
        """Where it lies on the slider."""
        return f"{self.sparsity:.6g}"

    def shade(self, part: str) -> str:
        """The class of a part's background: the darker, the more harm."""
        share = harm(self.parts[part], WORST)
        return "missing" if share is None else f"shade-{round(share * SHADES)}"


@dataclass(frozen=True, slots=True)
class Slider:
    """The stops by growing sparsity.

    `start` is the index of the one that is shown first: of those that say most, the nearest to the answer. `parts` maps
    each part that is pictured to its name.
    """

    model: ModelFacts
    stops: tuple[Stop, ...]
    start: int
    parts: Mapping[str, str]


def slider(facts: Facts) -> Slider | None:
    """None where the first model was measured at too few sparsities."""
    if not facts.models or facts.headline is None or facts.main.main is None:
        return None
    model = facts.main
    points = [point.cells[0] for point in facts.main.main.measured]
    dense = [model.dense] if isinstance(model.dense, Cell) and model.dense.done else []
    stops = tuple(_stop(model, cell) for cell in (*dense, *points))
    if len(stops) < FEWEST:
        return None
    at = facts.headline.within.sparsity if facts.headline.within else stops[0].sparsity
    start = min(range(len(stops)), key=lambda i: (-stops[i].known, abs(stops[i].sparsity - at)))
    known = [part for part in PARTS if any(isinstance(stop.parts[part], float) for stop in stops if stop.sparsity)]
    return Slider(model, stops, start, {part: NAMES[part] for part in known})


def _stop(model: ModelFacts, cell: Cell) -> Stop:
    said = next((one for one in model.utterances if one.cell is cell), None)
    point = next((p for p in (model.main.points if model.main else ()) if p.cells[0] is cell), cell)
    stored = _dense_bytes(model) if cell.experiment.dense else cell.stored_bytes
    return Stop(cell.sparsity, point.perplexity, point.ratio, cell.interval, stored, said, _parts(model, cell))


def _dense_bytes(model: ModelFacts) -> Number:
    """The dense model's file; where it was not written itself, what a pruned cell says it would take."""
    sizes = [model.dense.size] if isinstance(model.dense, Cell) else []
    known = [s for s in (*sizes, *(cell.size for cell in model.plain)) if not isinstance(s, NotMeasured)]
    return float(known[0].dense_bytes) if known else NotMeasured("no file of this model was written")


def _parts(model: ModelFacts, cell: Cell) -> Mapping[str, Number]:
    if cell.experiment.dense:
        return dict.fromkeys(PARTS, 1.0)
    heat = model.heat
    if heat is None or heat.criterion != cell.experiment.criterion or cell.sparsity not in heat.sparsities:
        return dict.fromkeys(PARTS, UNKNOWN)
    column, rows = heat.sparsities.index(cell.sparsity), dict(heat.rows)
    return {part: rows[part][column] if part in rows else UNKNOWN for part in PARTS}
