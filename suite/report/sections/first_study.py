"""What had been said: the first study's statements, held against the first model's curve by magnitude."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from suite.analysis.cells import Cell
from suite.analysis.curves import Curve
from suite.analysis.facts import Facts
from suite.analysis.models import ModelFacts
from suite.analysis.paired import within
from suite.analysis.recorded import Beside, Recorded, beside, read_recorded
from suite.analysis.values import Bounds, Claim, NotMeasured, Number, Verdict, below
from suite.protocol import FASTER, STATED_HALF, STATED_MOST, TOLERANCE, UNHARMED
from suite.records.schema import Interval
from suite.report.format import num, pct, size, times
from suite.report.section import Column, Section, Table
from suite.report.words import with_interval

NO_CELL = NotMeasured("the main curve has no measured point at this sparsity")
Row = tuple[str, Callable[[Beside], object]]


@dataclass(frozen=True, slots=True)
class FirstStudy:
    """The first model, and the values that were recorded before this suite beside what was measured in their place."""

    model: ModelFacts
    recorded: Recorded
    columns: tuple[Beside, ...]

    @property
    def curve(self) -> Curve | None:
        """The curve by magnitude, which the statements are of."""
        main = self.model.main
        return main if main and main.criterion == "magnitude" else None


def find(facts: Facts) -> FirstStudy | None:
    if not facts.models or facts.main.main is None:
        return None
    recorded = read_recorded()
    return FirstStudy(facts.main, recorded, beside(recorded, facts.cells))


def claims(found: FirstStudy) -> Iterable[Claim | None]:
    curve = found.curve
    return _dead_weight(curve), _ninety(curve), _faster(found.model, curve)


def _dead_weight(curve: Curve | None) -> Claim:
    ratio, interval = _at(curve, STATED_HALF)
    statement = f"“Half the weights are dead weight: {pct(STATED_HALF)} can be deleted without impact”"
    return Claim("dead_weight", statement, within(interval, UNHARMED), _risen(STATED_HALF, ratio, interval))


def _ninety(curve: Curve | None) -> Claim:
    ratio, interval = _at(curve, STATED_MOST)
    statement = f"“{pct(STATED_MOST)} can be deleted”"
    return Claim("ninety_percent", statement, below(interval, TOLERANCE), _risen(STATED_MOST, ratio, interval))


def _risen(sparsity: float, ratio: Number, interval: Bounds) -> str:
    if isinstance(ratio, NotMeasured):
        return f"at {pct(sparsity)} nothing was measured"
    return f"at {pct(sparsity)} perplexity is {times(ratio)} dense{with_interval(interval)}"


def _faster(model: ModelFacts, curve: Curve | None) -> Claim:
    """Pruning makes generation five times faster: some pruned cell's interval lies at or above that."""
    statement = f"“Pruning makes generation {num(FASTER, 0)}× faster”"
    rows = model.speed.pruned if model.speed and curve else ()
    known = [(row, row.interval) for row in rows if isinstance(row.interval, Interval)]
    if not known:
        return Claim("five_times", statement, Verdict.UNKNOWN, "no dense and pruned model were timed alike")
    fastest, interval = max(known, key=lambda pair: pair[0].relative)
    verdict = Verdict.UNKNOWN
    if any(bounds.low >= FASTER for _, bounds in known):
        verdict = Verdict.HOLDS
    elif len(known) == len(rows) and all(bounds.high < FASTER for _, bounds in known):
        verdict = Verdict.FAILS
    at = pct(fastest.cell.sparsity)
    pace = f"{times(fastest.relative)} the dense speed{with_interval(interval)}"
    said = f"the fastest pruned cell, at {at}, decodes at {pace}"
    return Claim("five_times", statement, verdict, said)


def _at(curve: Curve | None, sparsity: float) -> tuple[Number, Bounds]:
    cells: list[Cell] = [p.cells[0] for p in (curve.measured if curve else ()) if abs(p.sparsity - sparsity) < 1e-9]
    return (cells[0].ratio, cells[0].interval) if cells else (NO_CELL, NO_CELL)


def _columns(found: FirstStudy) -> Sequence[Column[Row]]:
    def of(column: Beside) -> Column[Row]:
        title = pct(column.recorded.sparsity) if column.recorded.sparsity else "Dense"
        return Column(title, lambda row: row[1](column), _shown)

    return [Column("Value", lambda row: row[0]), *map(of, found.columns)]


def _shown(value: object) -> str:
    return value if isinstance(value, str) else num(value, 2)


def _measured(column: Beside, value: Callable[[Cell], object]) -> object:
    return column.measured if isinstance(column.measured, NotMeasured) else value(column.measured)


def _peak(cell: Cell) -> object:
    memory = cell.memory
    if isinstance(memory, NotMeasured):
        return memory
    return None if memory.peak_bytes is None else size(memory.peak_bytes)


def _tokens(cell: Cell) -> object:
    generation = cell.generation
    return generation if isinstance(generation, NotMeasured) else generation.decode_tokens_per_s.median


def _verdict(cell: Cell) -> object:
    return c if isinstance(c := cell.coherence, NotMeasured) else str(c.verdict)


ROWS: tuple[Row, ...] = (
    ("Perplexity, recorded", lambda c: c.recorded.perplexity),
    ("Perplexity, measured", lambda c: _measured(c, lambda cell: cell.perplexity)),
    ("Tokens/s, recorded", lambda c: c.recorded.tokens_per_s),
    ("Tokens/s, measured", lambda c: _measured(c, _tokens)),
    ("Hardware, recorded", lambda c: c.recorded.hardware),
    ("Memory, recorded", lambda c: f"{num(c.recorded.gpu_memory_gb, 2)}\u00a0GB"),
    ("Peak memory, measured", lambda c: _measured(c, _peak)),
    ("Layers, recorded", lambda c: str(c.recorded.linear_layers)),
    ("Coherent, recorded", lambda c: "yes" if c.recorded.coherent else "no"),
    ("Coherence, measured", lambda c: _measured(c, _verdict)),
)


SECTION = Section(
    key="first_study",
    title="What had been said",
    find=find,
    claims=claims,
    tables=(Table("recorded", _columns, lambda _: ROWS),),
)
