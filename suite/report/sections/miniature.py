"""What the miniature got right and wrong: each claim on the small models that ship, and on the real ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from suite.analysis.facts import Facts
from suite.analysis.values import Claim, Verdict
from suite.report.section import Column, Section, Table, claims_in
from suite.report.words import counted

SIDES = {Verdict.HOLDS: 1, Verdict.MOSTLY: 1, Verdict.FAILS: -1}


@dataclass(frozen=True, slots=True)
class Both:
    """A claim that both families bear on."""

    small: Claim
    real: Claim

    @property
    def agrees(self) -> bool | None:
        """Whether the miniature came out on the same side; None where either cannot be told, or is mixed."""
        sides = SIDES.get(self.small.verdict), SIDES.get(self.real.verdict)
        return None if None in sides else sides[0] == sides[1]


@dataclass(frozen=True, slots=True)
class Miniature:
    """The claims of both families, and how many models each has."""

    rows: tuple[Both, ...]
    small: int
    real: int


def find(facts: Facts, sections: Sequence[Section[Any]]) -> Miniature | None:
    """Where the records hold both families, and both bear on a claim of the sections."""
    if facts.miniature is None:
        return None
    small, real = claims_in(sections, facts.miniature), claims_in(sections, facts)
    rows = tuple(Both(small[name], real[name]) for name in real if name in small)
    if not rows:
        return None
    return Miniature(rows, len(facts.miniature.measured_models), len(facts.measured_models))


def claims(found: Miniature) -> Iterable[Claim | None]:
    told = [row.agrees for row in found.rows if row.agrees is not None]
    said = f"{sum(told)} of the {len(told)} that both decide come out alike, of {counted(len(found.rows), 'claim')}"
    verdict = (
        Verdict.UNKNOWN if not told else Verdict.HOLDS if all(told) else Verdict.MIXED if any(told) else Verdict.FAILS
    )
    statement = "What the small models that ship say of a claim, real models say too"
    return (Claim("miniature_agrees", statement, verdict, said, said),)


def _columns(found: Miniature) -> list[Column[Both]]:
    return [
        Column("Claim", lambda row: row.real.statement),
        Column(f"Miniature ({counted(found.small, 'model')})", lambda row: row.small.verdict.value, short="Miniature"),
        Column(f"Real ({counted(found.real, 'model')})", lambda row: row.real.verdict.value, short="Real"),
        Column("Alike", lambda row: {True: "yes", False: "no", None: "–"}[row.agrees]),
    ]


def section(others: Sequence[Section[Any]]) -> Section[Miniature]:
    """The section that holds the claims of the others against each other."""
    return Section(
        key="miniature",
        title="What the miniature got right and wrong",
        find=lambda facts: find(facts, others),
        claims=claims,
        tables=(Table("miniature", _columns, lambda found: found.rows, paper=True),),
    )
