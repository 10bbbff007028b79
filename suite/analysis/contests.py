"""One way of pruning held against another wherever both were measured, each pair by its windows, in one claim."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from suite.analysis.cells import Cell
from suite.analysis.paired import above_one, paired, shared_level
from suite.analysis.values import Bounds, Claim, NotMeasured, Verdict, everywhere


@dataclass(frozen=True, slots=True)
class Match:
    """Two cells of one model: `ratio` is the perplexity of `worse` over that of `better`, as the claim has it."""

    better: Cell
    worse: Cell
    ratio: Bounds
    verdict: Verdict

    @property
    def point(self) -> float | NotMeasured:
        """The ratio itself."""
        ours, theirs = self.better.perplexity, self.worse.perplexity
        if isinstance(ours, NotMeasured):
            return ours
        return theirs if isinstance(theirs, NotMeasured) else theirs / ours


def contest(
    name: str,
    pairs: Sequence[tuple[Cell, Cell]],
    decide: Callable[[Bounds], Verdict] = above_one,
    **values: object,
) -> Claim | None:
    """In every pair, the first cell has the lower perplexity (or what `decide` asks of worse over better).

    The claim's error is shared out among the pairs; None where there are none.
    """
    if not pairs:
        return None
    level = shared_level(len(pairs))
    matches = tuple(_match(*pair, level, decide) for pair in pairs)
    return Claim(name, everywhere(match.verdict for match in matches), {**counted(matches), **values})


def counted(matches: Sequence[Match]) -> dict[str, object]:
    """What the wordings of such a claim quote: how it came out where, and the first counterexample."""
    counts: dict[str, object] = {v.name.lower(): sum(m.verdict is v for m in matches) for v in Verdict}
    models = len({match.better.model for match in matches})
    against = next((match for match in matches if match.verdict is Verdict.FAILS), None)
    ratios = [point for match in matches if isinstance(point := match.point, float)]
    spread = {"low": min(ratios), "high": max(ratios)} if ratios else {}
    return {"matches": matches, "comparisons": len(matches), "models": models, "against": against, **spread, **counts}


def finished(pairs: Iterable[tuple[Cell | None, Cell | None]]) -> list[tuple[Cell, Cell]]:
    """The pairs of which both have a perplexity."""
    return [
        (one, other)
        for one, other in pairs
        if one and other and isinstance(one.perplexity, float) and isinstance(other.perplexity, float)
    ]


def _match(better: Cell, worse: Cell, level: float, decide: Callable[[Bounds], Verdict]) -> Match:
    ratio = paired(worse, better, level)
    return Match(better, worse, ratio, decide(ratio))
