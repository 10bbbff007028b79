"""How much of the first model can go before it breaks: its curve, where it crosses the factors, and random removal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from suite.analysis.curves import Curve
from suite.analysis.facts import Facts
from suite.analysis.headline import Headline
from suite.analysis.models import ModelFacts
from suite.analysis.paired import above_one, paired, shared_level
from suite.analysis.points import Point
from suite.analysis.recorded import Recorded, read_recorded, recorded_of
from suite.analysis.values import Claim, NotMeasured, Verdict, below
from suite.protocol import FACTORS
from suite.report.figures.cliff import cliff
from suite.report.figures.lines import divergence
from suite.report.format import multiple, num, pct, ppl, sig, times
from suite.report.section import Block, Column, Figure, Section, Table
from suite.report.words import capital, counted, criterion


@dataclass(frozen=True, slots=True)
class Cliff:
    """The first model's main curve, and beside it what was recorded of it before this suite existed."""

    model: ModelFacts
    curve: Curve
    headline: Headline
    recorded: Recorded | None
    intervals: bool  # whether the records hold any


def find(facts: Facts) -> Cliff | None:
    if not facts.models or facts.headline is None or (curve := facts.main.main) is None or not curve.measured:
        return None
    if isinstance(facts.main.dense_perplexity, NotMeasured):
        return None
    recorded = recorded_of(read_recorded(), facts.main)
    return Cliff(facts.main, curve, facts.headline, recorded, facts.has_intervals)


def claims(found: Cliff) -> Iterable[Claim | None]:
    return _beats_random(found.curve, found.model.control), _worse_than_unigram(found.curve)


def _beats_random(main: Curve, control: Curve | None) -> Claim | None:
    """At the largest sparsity both were measured at, the criterion harms less than every random draw."""
    pairs = {p.sparsity: p for p in main.measured}
    shared = [p for p in (control.measured if control else ()) if p.sparsity in pairs]
    if not shared:
        return None
    random, chosen = shared[-1], pairs[shared[-1].sparsity]
    level = shared_level(len(random.measured))
    verdicts = {above_one(paired(draw, chosen.cells[0], level)) for draw in random.measured}
    verdict = verdicts.pop() if len(verdicts) == 1 else Verdict.UNKNOWN
    at, drawn = pct(chosen.sparsity), counted(len(random.measured), "draw")
    evidence = (
        f"at {at} removed, perplexity is {times(chosen.ratio)} dense, and {times(random.ratio)} by {drawn} at random"
    )
    values = {"sparsity": chosen.sparsity, "chosen": chosen.ratio, "random": random.ratio}
    statement = f"{capital(criterion(main.criterion))} harms less than random removal"
    return Claim("beats_random", statement, verdict, evidence, values=values)


def _worse_than_unigram(curve: Curve) -> Claim | None:
    """At the largest measured sparsity, the pruned model predicts worse than the unigram model."""
    point = curve.measured[-1]
    if isinstance(quality := point.measured[0].quality, NotMeasured):
        return None
    better = below(point.interval, quality.unigram / (quality.value / quality.ratio_to_dense))
    verdict = {Verdict.HOLDS: Verdict.FAILS, Verdict.FAILS: Verdict.HOLDS}.get(better, Verdict.UNKNOWN)
    evidence = f"at {pct(point.sparsity)} removed its perplexity is {ppl(quality.value)}, theirs {ppl(quality.unigram)}"
    values = {"sparsity": point.sparsity, "perplexity": quality.value, "unigram": quality.unigram}
    return Claim(
        "worse_than_unigram",
        "Past the cliff the model predicts worse than word counts",
        verdict,
        evidence,
        values=values,
    )


def _rows(found: Cliff) -> tuple[Point, ...]:
    return found.curve.shown(FACTORS)


def _columns(found: Cliff) -> list[Column[Point]]:
    return [
        Column("Removed", lambda p: p.sparsity, pct),
        Column("Perplexity", lambda p: p.perplexity, sig),
        Column("Ratio", lambda p: p.ratio, multiple, worst=10.0),
        Column("Interval", lambda p: p.interval, multiple),
        Column("Agreement", lambda p: p.cells[0].agreement, lambda v: pct(v, 0), short="Agree"),
        Column("KL", lambda p: p.cells[0].kl, lambda v: num(v, 3)),
    ]


SECTION = Section(
    key="cliff",
    title="How much can go?",
    find=find,
    claims=claims,
    figures=(
        Figure(
            "cliff",
            lambda axes, found, style: cliff(axes, found.model, found.headline.within, found.recorded, style),
            190.0,
            wide=True,
            table="cliff",
        ),
        Figure(
            "divergence",
            lambda axes, found, style: divergence(axes, found.model, style),
            122.0,
            there=lambda found: found.model.diverged,
            table="cliff",
            paper=False,
        ),
    ),
    tables=(Table("cliff", _columns, _rows),),
    poster=Block("large", "cliff"),
)
