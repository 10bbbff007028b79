"""Two results folders held against each other: does the study there reproduce here, number by number?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from suite.analysis.cells import Cell, Subject
from suite.analysis.facts import build_facts
from suite.analysis.speed import relative_speed
from suite.analysis.values import Number, Verdict
from suite.comparison.checks import Check, Outcome, check_all
from suite.comparison.pairs import MINIATURE, ClaimPair, Comparison, Pair, Side
from suite.comparison.partners import Partners
from suite.errors import InputError

Dense = Mapping[Subject, Sequence[Cell]]


def compare(here: Side, there: Side) -> Comparison:
    """Hold the records here against those there; theirs are the ones to be reproduced, every one of them."""
    mine, theirs = here.cells, there.cells
    partners, dense = Partners(mine), (_dense(mine), _dense(theirs))
    pairs = [_damaged(cell.record.id, None, cell, here, there) or _pair(cell, partners, dense) for cell in theirs]
    readable, by_id = {cell.record.id for cell in theirs}, {cell.record.id: cell for cell in mine}
    lost = [_damaged(one, by_id.get(one), None, here, there) for one in sorted(there.damaged_ids - readable)]
    pairs += filter(None, lost)
    used = {pair.here.record.id for pair in pairs if pair.here}
    extra = tuple(cell for cell in mine if cell.record.id not in used)
    return Comparison(here, there, tuple(pairs), extra, _claims(pairs))


def _pair(there: Cell, partners: Partners, dense: tuple[Dense, Dense]) -> Pair:
    partner = partners.of(there)
    if partner.cell is None:
        why = f"missing here: {partner.note}" if partner.note else "missing here"
        return Pair(there.record.id, None, there, (Check("partner", Outcome.DIFFERS, why),))
    here = partner.cell
    speed = _speed(here, dense[0]), _speed(there, dense[1])
    noted = (Check("partner", Outcome.NOTED, partner.note),) if partner.note else ()
    return Pair(there.record.id, here, there, (*noted, *check_all(here, there, speed)), speed)


def _damaged(experiment: str, mine: Cell | None, theirs: Cell | None, here: Side, there: Side) -> Pair | None:
    """The pair of a cell one side's file of which cannot be believed; it never reproduces."""
    where = [name for name, side in (("here", here), ("there", there)) if experiment in side.damaged_ids]
    if not where:
        return None
    reason = f"the record {' and '.join(where)} is damaged or was edited by hand"
    return Pair(experiment, mine, theirs, (Check("record", Outcome.DIFFERS, reason),))


def _dense(cells: Iterable[Cell]) -> Dense:
    """The dense runs of each subject."""
    found: dict[Subject, list[Cell]] = {}
    for cell in cells:
        if cell.experiment.dense:
            found.setdefault(Subject.of(cell.experiment), []).append(cell)
    return found


def _speed(cell: Cell, dense: Dense) -> Number:
    return relative_speed(cell, dense.get(Subject.of(cell.experiment), ()))


def _claims(pairs: Iterable[Pair]) -> tuple[ClaimPair, ...]:
    """The claims of each side, restricted to the cells that both finished."""
    both = [(p.here, p.there) for p in pairs if p.here and p.there and p.here.done and p.there.done]
    mine, theirs = _verdicts(here for here, _ in both), _verdicts(there for _, there in both)
    return tuple(ClaimPair(name, mine.get(name), theirs.get(name)) for name in {**theirs, **mine})


def _verdicts(cells: Iterable[Cell]) -> dict[str, Verdict]:
    from suite.report.contents import claims_of  # brings what draws figures in

    try:
        facts = build_facts(cell.record for cell in cells)
    except InputError:  # no perplexity was measured, so nothing is claimed
        return {}
    found = {name: claim.verdict for name, claim in claims_of(facts).items()}
    if facts.miniature:
        found |= {f"{name}{MINIATURE}": claim.verdict for name, claim in claims_of(facts.miniature).items()}
    return found
