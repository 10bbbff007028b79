"""Claims in words: one renderer for most of them, from a statement and its evidence."""

from __future__ import annotations

from collections.abc import Sequence

from suite.analysis.contests import Contest
from suite.analysis.values import Claim, Verdict, everywhere, graded
from suite.report.format import times
from suite.report.words import counted, every, with_interval


def contested(
    name: str,
    statement: str,
    found: Contest | None,
    unit: str = "comparison",
    ratio: str = "the other has {} its perplexity",
) -> Claim | None:
    """A claim over many comparisons of perplexities: how many are won and lost, and by how much on average.

    Args:
        ratio: what the pooled ratio is of, as a sentence around it.
    """
    if found is None:
        return None
    wins, losses, undecided = (found.count(v) for v in (Verdict.HOLDS, Verdict.FAILS, Verdict.UNKNOWN))
    said = tally(wins, losses, undecided, unit)
    evidence = f"{said}; {ratio.format(times(found.pooled))}{with_interval(found.interval)}"
    values = {"wins": wins, "losses": losses, "undecided": undecided, "pooled": found.pooled, "found": found}
    return Claim(name, statement, found.verdict, evidence, said, values)


def tally(wins: int, losses: int, undecided: int, unit: str = "comparison", units: str | None = None) -> str:
    """How comparisons came out."""
    count = wins + losses + undecided
    if count == 1:
        how = "in" if wins else "not in" if losses else "undecided in"
        return f"{how} the one {unit} measured"
    if wins == count:
        return f"in {every(count, unit, units)}"
    if undecided == count:
        return f"undecided in {every(count, unit, units)}"
    parts = [f"in {wins} of {counted(count, unit, units)}"]
    parts += [f"the other way in {losses}"] if losses else []
    parts += [f"undecided in {undecided}"] if undecided else []
    return ", ".join(parts)


def timed(name: str, statement: str, verdicts: Sequence[Verdict], speeds: Sequence[float], unit: str) -> Claim | None:
    """A claim that cells decode faster than what they are held against."""
    if not verdicts:
        return None
    wins, losses, undecided = (list(verdicts).count(v) for v in (Verdict.HOLDS, Verdict.FAILS, Verdict.UNKNOWN))
    said = tally(wins, losses, undecided, unit)
    low, high = times(min(speeds)), times(max(speeds))
    pace = low if low == high else f"{low} to {high}"
    verdict = graded(wins, losses, undecided)
    return Claim(
        name, statement, verdict, f"{said}; at {pace} the speed", f"{pace} the speed", {"cells": len(verdicts)}
    )


def universal(
    name: str,
    statement: str,
    verdicts: Sequence[Verdict],
    unit: str,
    units: str | None = None,
    **values: object,
) -> Claim:
    """A claim that something is so everywhere: a single counterexample decides it."""
    found = list(verdicts)
    wins, losses, undecided = (found.count(v) for v in (Verdict.HOLDS, Verdict.FAILS, Verdict.UNKNOWN))
    said = tally(wins, losses, undecided, unit, units)
    return Claim(name, statement, everywhere(found), said, said, values)
