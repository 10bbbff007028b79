"""A comparison of two results folders in words and in a table."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from suite.analysis.provenance import provenance
from suite.analysis.values import NotMeasured, Number
from suite.cli.tables import add_row, count, new_table, percent
from suite.comparison.checks import Outcome
from suite.comparison.pairs import Comparison, Pair, Side
from suite.records import Experiment
from suite.records.wording import budget_words, criterion_words, describe, treated

if TYPE_CHECKING:
    from rich.table import Table

NAMED = 3  # cells that the closing sentence names


def header(comparison: Comparison) -> Iterator[str]:
    """Each side: its folder, what it ran on, in what dtype, with which version of the suite."""
    for name, side in (("here", comparison.here), ("there", comparison.there)):
        yield f"{name:<7}{side.folder}: {count(len(side.records), 'record')}"
        yield f"{'':<7}{'; '.join(_origin(side))}"


def _origin(side: Side) -> Iterator[str]:
    made = provenance(side.cells)
    machines = [f"{m.hardware} ({m.device}, {count(m.threads, 'thread')})" for m in made.machines]
    yield " and ".join(machines) or "nothing finished"
    if made.machines:
        yield ", ".join(made.dtypes)
        commits = ", ".join(commit[:12] for commit in made.commits) or "no commit"
        yield f"suite {', '.join(made.versions)} at {commits}"
    if made.plugins:
        yield f"plug-ins: {', '.join(made.plugins)}"


def table(pairs: Iterable[Pair]) -> Table:
    """A row a cell; differences and what rounding explains are in per cent of the perplexity there."""
    shown = new_table(
        ("model", "criterion", "pruned"),
        ("sparsity", "perplexity\nhere", "\nthere", "off by\n%", "allowed\n%", "speed x dense\nhere / there"),
        ("mask", "writes", "result"),
        wrapped="result",
    )
    for pair in pairs:
        e = pair.experiment
        here, there = pair.perplexity
        allowed, speeds = pair.allowed, [_number(value, ".2f") or "-" for value in pair.speed]
        values = (
            e.model if e else f"record {pair.id[:8]}",
            criterion_words(e) if e else "",
            treated(e) if e else "",
            _how_far(e) if e else "",
            _number(here, ",.6g"),
            _number(there, ",.6g"),
            _number(100 * d if isinstance(d := pair.difference, float) else d, "+.2g").replace("+0", "0"),
            _number(100 * math.expm1(min(allowed, 300.0)) if isinstance(allowed, float) else allowed, ".2g"),
            " / ".join(speeds) if any(isinstance(value, float) for value in pair.speed) else "",
            _equal_or_not(pair, "mask"),
            _writes(pair),
            "; ".join(filter(None, ["reproduces" if pair.reproduces else "", *pair.reasons])),
        )
        add_row(shown, values, style="" if pair.reproduces else "red")
    return shown


def notes(comparison: Comparison) -> Iterator[str]:
    """What stands between the table and the closing sentence."""
    if comparison.extra:
        cells = count(len(comparison.extra), "cell")
        yield f"counted for nothing: {cells} here without a partner there"
    for (mine, theirs), number in Counter(pair.summed for pair in comparison.pairs if pair.summed).items():
        cells = count(number, "cell")
        yield f"{cells}: losses summed in {mine} here and in {theirs} there; the bias of float32 is allowed for"
    claims = comparison.claims
    if not claims:
        yield "claims: none; the cells that both sides finished bear on none"
        return
    equal = sum(claim.equal for claim in claims)
    yield f"claims: {equal} of {count(len(claims), 'verdict')} equal"
    for claim in claims:
        if not claim.equal:
            noisy = "" if claim.decides else " (rests on speeds, which are noisy: decides nothing)"
            yield f"  {claim.name}: {_verdict(claim.here)} here, {_verdict(claim.there)} there{noisy}"


def sentence(comparison: Comparison) -> str:
    """How it came out, the first three cells that do not reproduce by name."""
    failing = comparison.failing
    total = len(comparison.pairs)
    parts = [f"{total - len(failing)} of {count(total, 'cell')} {'reproduce' if total != 1 else 'reproduces'}"]
    parts += [f"{_name(pair)}: {pair.reasons[0]}" for pair in failing[:NAMED]]
    parts += [f"and {len(failing) - NAMED} more"] if len(failing) > NAMED else []
    names = ", ".join(claim.name for claim in comparison.contradicted)
    parts += [f"the verdict differs on {names}"] if names else []
    return "; ".join(parts) + "."


def _name(pair: Pair) -> str:
    return describe(pair.experiment) if pair.experiment else f"record {pair.id[:8]}"


def _how_far(experiment: Experiment) -> str:
    if experiment.unpruned:
        return ""
    return budget_words(experiment) or percent(experiment.sparsity)


def _equal_or_not(pair: Pair, check: str) -> str:
    outcome = pair.outcome(check)
    return outcome.value if outcome in (Outcome.EQUAL, Outcome.DIFFERS) else ""


def _writes(pair: Pair) -> str:
    """The verdict both sides share."""
    if pair.outcome("verdict") is not Outcome.EQUAL or pair.there is None:
        return _equal_or_not(pair, "verdict")
    coherence = pair.there.coherence
    return "" if isinstance(coherence, NotMeasured) else coherence.verdict


def _verdict(verdict: object) -> str:
    return "not claimed" if verdict is None else str(verdict)


def _number(value: Number, form: str) -> str:
    return "" if isinstance(value, NotMeasured) else format(value, form)
