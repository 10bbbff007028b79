"""What is claimed of criteria: which leaves a model better where much goes, and whether the cliff moves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from suite.analysis.cells import Cell
from suite.analysis.contests import contest, finished
from suite.analysis.criteria import Criteria, Line
from suite.analysis.values import Claim, everywhere
from suite.protocol import MUCH

BEATS = (  # the first of each two is claimed to leave the lower perplexity
    ("sparsegpt", "magnitude"),
    ("wanda", "magnitude"),
    ("sparsegpt", "wanda"),
    ("magnitude", "random"),
)


def criteria_claims(found: Sequence[Criteria]) -> tuple[Claim, ...]:
    """Every pair of criteria, allocations that differ by layer, and the cliff; what nobody measured is left out."""
    claims = [_beats(better, worse, found) for better, worse in BEATS]
    return tuple(claim for claim in (*claims, _owl(found), _cliff(found)) if claim)


def _beats(better: str, worse: str, found: Iterable[Criteria]) -> Claim | None:
    """At every sparsity from `MUCH` on that both were measured at, in every model."""
    lines = ((one.line(better), one.line(worse)) for one in found)
    pairs = [pair for ours, theirs in lines if ours and theirs for pair in _pairs(ours, theirs)]
    return contest(f"{better}_beats_{worse}", pairs, better=better, worse=worse, least=MUCH)


def _owl(found: Iterable[Criteria]) -> Claim | None:
    """OWL's allocation over a uniform one, under every criterion both were measured with."""
    pairs = []
    for one in found:
        for line in one.lines:
            uniform = one.line(line.criterion) if line.allocation == "owl" else None
            pairs += _pairs(line, uniform) if uniform else []
    return contest("owl_beats_uniform", pairs, better="owl", worse="uniform", least=MUCH)


def _cliff(found: Iterable[Criteria]) -> Claim | None:
    """In every model, some criterion stays within the tolerance further than magnitude does."""
    asked = tuple(one for one in found if one.line("magnitude"))
    if not asked:
        return None
    verdicts = [one.moved for one in asked]
    return Claim("cliff_moves", everywhere(verdicts), {"found": asked, "models": len(asked)})


def _pairs(ours: Line, theirs: Line) -> list[tuple[Cell, Cell]]:
    """Each cell of one line with each of the other (one a seed) at the sparsities they share."""
    shared = ((point, theirs.at(point.sparsity)) for point in ours.curve.measured if point.sparsity >= MUCH - 1e-9)
    return finished((a, b) for one, other in shared if other for a in one.cells for b in other.cells)
