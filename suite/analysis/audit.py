"""The first study's statements, held against the main model's curve by magnitude."""

from __future__ import annotations

from suite.analysis.cells import Cell
from suite.analysis.curves import Curve
from suite.analysis.models import ModelFacts
from suite.analysis.paired import within
from suite.analysis.values import Bounds, Claim, NotMeasured, Number, Verdict, below
from suite.protocol import FASTER, STATED_HALF, STATED_MOST, TOLERANCE, UNHARMED
from suite.records.schema import Interval

NO_CELL = NotMeasured("the main curve has no measured point at this sparsity")


def audit(model: ModelFacts) -> tuple[Claim, ...]:
    """Every statement with its verdict; what was not measured leaves it open."""
    curve = model.main if model.main and model.main.criterion == "magnitude" else None
    return _dead_weight(curve), _faster(model, curve), _ninety(curve)


def _dead_weight(curve: Curve | None) -> Claim:
    """Half of the weights can go without impact: the interval of the ratio stays within 1 % of 1."""
    ratio, interval = _at(curve, STATED_HALF)
    values = {"sparsity": STATED_HALF, "ratio": ratio, "interval": interval, "margin": UNHARMED}
    return Claim("dead_weight", within(interval, UNHARMED), values)


def _ninety(curve: Curve | None) -> Claim:
    """Nine tenths can go: the interval of the ratio stays within the tolerance."""
    ratio, interval = _at(curve, STATED_MOST)
    values = {"sparsity": STATED_MOST, "ratio": ratio, "interval": interval, "tolerance": TOLERANCE}
    return Claim("ninety_percent", below(interval, TOLERANCE), values)


def _faster(model: ModelFacts, curve: Curve | None) -> Claim:
    """Pruning makes generation five times faster: some pruned cell's interval lies at or above that."""
    rows = model.speed.pruned if model.speed and curve else ()
    known = [(row, row.interval) for row in rows if isinstance(row.interval, Interval)]
    if not known:
        missing = NotMeasured("no dense and pruned model were timed under the same conditions")
        return Claim("five_times", Verdict.UNKNOWN, {"factor": FASTER, "fastest": missing, "interval": missing})
    fastest, interval = max(known, key=lambda pair: pair[0].relative)
    verdict = Verdict.UNKNOWN
    if any(bounds.low >= FASTER for _, bounds in known):
        verdict = Verdict.HOLDS
    elif len(known) == len(rows) and all(bounds.high < FASTER for _, bounds in known):
        verdict = Verdict.FAILS
    values = {"factor": FASTER, "fastest": fastest.relative, "interval": interval, "sparsity": fastest.cell.sparsity}
    return Claim("five_times", verdict, values)


def _at(curve: Curve | None, sparsity: float) -> tuple[Number, Bounds]:
    cells: list[Cell] = [p.cells[0] for p in (curve.measured if curve else ()) if abs(p.sparsity - sparsity) < 1e-9]
    return (cells[0].ratio, cells[0].interval) if cells else (NO_CELL, NO_CELL)
