"""Which criterion moves the cliff, by how much, and what it costs: criteria side by side in each model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from suite.analysis.cells import Cell
from suite.analysis.contests import contest, finished
from suite.analysis.criteria import Criteria, Line, criteria_of
from suite.analysis.facts import Facts
from suite.analysis.points import Crossing, coarse
from suite.analysis.values import Claim, everywhere
from suite.models.catalogue import model_title
from suite.protocol import MUCH
from suite.pruning.criteria import CRITERIA, criterion_label
from suite.records.wording import AS_CODED
from suite.report.claims import contested
from suite.report.figures.criteria import criteria, effort
from suite.report.format import dur, multiple, num, pct, size
from suite.report.section import Block, Column, Figure, Section, Table
from suite.report.words import name

Found = tuple[Criteria, ...]
Row = tuple[Criteria, Line]
BEATS = (  # the first of each two is claimed to leave the lower perplexity
    ("sparsegpt", "magnitude"),
    ("wanda", "magnitude"),
    ("sparsegpt", "wanda"),
    ("magnitude", "random"),
)


def find(facts: Facts) -> Found | None:
    return tuple(one for model in facts.models if (one := criteria_of(model.name, model.cells))) or None


def claims(found: Found) -> Iterable[Claim | None]:
    rivals = [(name, criterion.rival) for name, criterion in CRITERIA.items() if criterion.rival]
    beaten = (_beats(better, worse, found) for better, worse in (*BEATS, *rivals))
    return (_cliff_moves(found), *beaten, *(_paper_beats_code(name, found) for name in CRITERIA), _owl(found))


def _beats(better: str, worse: str, found: Found) -> Claim | None:
    """At every sparsity from `MUCH` on that both were measured at."""
    lines = ((one.line(better), one.line(worse)) for one in found)
    pairs = [pair for ours, theirs in lines if ours and theirs for pair in _pairs(ours, theirs)]
    ours, other = criterion_label(better), "random removal" if worse == "random" else criterion_label(worse)
    statement = f"From {pct(MUCH)} on, {ours} leaves a lower perplexity than {other}"
    return contested(f"{better}_beats_{worse}", statement, contest(pairs), ratio=f"{other} has {{}} its perplexity")


def _paper_beats_code(name: str, found: Found) -> Claim | None:
    """A criterion as its paper has it and as its authors' code does, where they differ."""
    pairs: list[tuple[Cell, Cell]] = []
    for one in found:
        for line in one.lines:
            if line.criterion == name and line.options == AS_CODED and (own := one.line(name, line.allocation)):
                pairs += _pairs(own, line)
    statement = (
        f"From {pct(MUCH)} on, {criterion_label(name)} as its paper has it leaves a lower perplexity than as coded"
    )
    return contested(f"{name}_paper_beats_code", statement, contest(pairs), ratio="as coded it has {} that perplexity")


def _owl(found: Found) -> Claim | None:
    """OWL's allocation over a uniform one, under every criterion both were measured with."""
    pairs: list[tuple[Cell, Cell]] = []
    for one in found:
        for line in one.lines:
            uniform = one.line(line.criterion) if line.allocation == "owl" else None
            pairs += _pairs(line, uniform) if uniform else []
    statement = f"From {pct(MUCH)} on, sharing the zeros among layers as OWL does beats the same share of each"
    return contested(
        "owl_beats_uniform", statement, contest(pairs), ratio="the same share of each has {} its perplexity"
    )


def _cliff_moves(found: Found) -> Claim | None:
    """In every model, some criterion stays within the tolerance further than magnitude does."""
    asked = [one for one in found if one.line("magnitude")]
    if not asked:
        return None
    said = "; ".join(reached(one) for one in asked[:3]) + ("; and so on" if len(asked) > 3 else "")
    statement = f"Another criterion than magnitude moves the cliff of {'each model' if len(asked) > 1 else 'the model'}"
    verdict = everywhere(one.moved for one in asked)
    return Claim("cliff_moves", statement, verdict, said, reached(asked[0]), {"models": len(asked)})


def reached(one: Criteria) -> str:
    """How far magnitude, and the criterion that goes furthest, stay within the tolerance."""
    usual, best = one.line("magnitude"), one.furthest
    assert usual is not None
    if best is usual:
        return f"in {name(one.model)} none goes further than magnitude, {_up_to(usual.cliffs[0])}"
    return f"in {name(one.model)} magnitude goes {_up_to(usual.cliffs[0])}, {best.name} {_up_to(best.cliffs[0])}"


def _up_to(found: Crossing) -> str:
    return f"to {pct(found.below)}" if found.below else "nowhere"


def _pairs(ours: Line, theirs: Line) -> list[tuple[Cell, Cell]]:
    """Each cell of one line with each of the other (one a seed) at the sparsities they share."""
    shared = ((point, theirs.at(point.sparsity)) for point in ours.curve.measured if point.sparsity >= MUCH - 1e-9)
    return finished((a, b) for one, other in shared if other for a in one.cells for b in other.cells)


def _columns(found: Found) -> Sequence[Column[Row]]:
    sparsities = sorted(coarse(s for one in found for s in one.sparsities))[-7:]

    def at(sparsity: float) -> Column[Row]:
        return Column(pct(sparsity), lambda row: p.ratio if (p := row[1].at(sparsity)) else None, multiple, worst=10.0)

    def within(index: int) -> Column[Row]:
        factor = found[0].lines[0].cliffs[index].factor
        return Column(f"within {num(factor, 1)}×", lambda row: _within(row[1].cliffs[index]), pct, f"{num(factor, 1)}×")

    return [
        Column("Criterion", lambda row: row[1].name),
        *map(at, sparsities),
        *map(within, range(len(found[0].lines[0].cliffs))),
    ]


def _within(found: Crossing) -> float | None:
    """The largest sparsity measured within a factor; None where even the smallest is beyond it."""
    return found.below if found.below or found.above is None else None


def _cost_columns(_found: Found) -> Sequence[Column[Row]]:
    return [
        Column("Criterion", lambda row: row[1].name),
        Column("Time", lambda row: row[1].cost.seconds, dur),
        Column("Peak memory", lambda row: row[1].cost.peak, size),
        Column("Cells", lambda row: row[1].cost.cells, lambda v: f"{v:,}"),
    ]


def _rows(found: Found) -> list[Row]:
    return [(one, line) for one in found for line in one.lines]


SECTION = Section(
    key="criteria",
    title="Which criterion moves the cliff?",
    find=find,
    claims=claims,
    figures=(
        Figure("criteria", lambda axes, found, style: criteria(axes, found[0], style), 165.0, table="criteria"),
        Figure(
            "effort",
            lambda axes, found, style: effort(axes, found[0], style),
            124.0,
            there=lambda found: bool(found[0].priced),
            table="effort",
            paper=False,
        ),
    ),
    tables=(
        Table("criteria", _columns, _rows, by=lambda row: model_title(row[0].model)),
        Table("effort", _cost_columns, _rows, by=lambda row: model_title(row[0].model)),
    ),
    poster=Block("below", "criteria"),
)
