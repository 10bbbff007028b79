"""What a report of some facts holds: the sections that the records say something about, with what each found."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from suite.analysis.facts import Facts
from suite.analysis.values import Claim
from suite.plugins import Origin
from suite.report.added import added_sections, failing, told
from suite.report.section import Figure, Section, Table, claims_in
from suite.report.sections import SECTIONS


@dataclass(frozen=True)
class Shown:
    """A section that is there: what it found in the facts of a family of models, and its claims.

    `origin` is the plug-in that added it.
    """

    section: Section[Any]
    found: Any
    facts: Facts
    claims: tuple[Claim, ...]
    origin: Origin | None = None

    @property
    def key(self) -> str:
        return self.section.key

    @property
    def title(self) -> str:
        return self.section.title

    @cached_property
    def figures(self) -> tuple[Figure[Any], ...]:
        return tuple(figure for figure in self.section.figures if figure.there(self.found))

    @cached_property
    def tables(self) -> tuple[Table[Any, Any], ...]:
        return tuple(table for table in self.section.tables if table.rows(self.found))

    def figure(self, key: str) -> Figure[Any] | None:
        return next((figure for figure in self.figures if figure.key == key), None)

    def table(self, key: str) -> Table[Any, Any] | None:
        return next((table for table in self.tables if table.key == key), None)


@dataclass(frozen=True)
class Contents:
    """The sections of a report, in order. What the models in front say nothing of is the small models' to say: such
    sections come last."""

    facts: Facts
    sections: tuple[Shown, ...]

    @property
    def claims(self) -> Mapping[str, Claim]:
        """Every claim that the records bear on, by name."""
        return {claim.name: claim for shown in self.sections for claim in shown.claims}

    def of_small_models(self, shown: Shown) -> bool:
        """Whether a section is of the small models that ship, behind others that are not."""
        return shown.facts is not self.facts

    def first_of_small_models(self, shown: Shown) -> bool:
        """Whether it is the first such section."""
        return shown is next(filter(self.of_small_models, self.sections), None)

    def find(self, key: str) -> Shown | None:
        return next((shown for shown in self.sections if shown.key == key), None)

    def placed(self, name: str) -> Callable[..., None]:
        """The figure of that name, as a function of axes and style. Raises: KeyError: there is none."""
        for shown in self.sections:
            if (figure := shown.figure(name)) is not None:
                found = shown.found
                return lambda axes, style: figure.draw(axes, found, style)
        raise KeyError(f"no section has a figure {name!r}")


def contents_of(facts: Facts) -> Contents:
    """The sections that a report of these facts has."""
    return Contents(facts, tuple(sorted(_shown(facts), key=lambda shown: shown.facts is not facts)))


def claims_of(facts: Facts) -> dict[str, Claim]:
    """The claims that the records of one family of models bear on, by name, in the order of the sections."""
    own = claims_in(SECTIONS, facts)
    return own | {claim.name: claim for shown in _added((facts,), own) for claim in shown.claims}


def _shown(facts: Facts) -> Iterator[Shown]:
    claims: list[str] = []
    for section in SECTIONS:
        if (shown := _of(section, facts.families)) is not None:
            claims += (claim.name for claim in shown.claims)
            yield shown
    yield from _added(facts.families, claims)


def _of(section: Section[Any], families: Iterable[Facts], origin: Origin | None = None) -> Shown | None:
    """A section with what it found in the first family it found something in."""
    for family in families:
        if (found := section.find(family)) is not None:
            return Shown(section, found, family, tuple(claim for claim in section.claims(found) if claim), origin)
    return None


def _added(families: Iterable[Facts], claims: Collection[str]) -> Iterator[Shown]:
    """The sections of plug-ins; one that fails, or makes a claim of another's name, is told and left out."""
    taken = set(claims)
    for section, origin in added_sections():
        try:
            shown = _of(section, families, origin)
            names = {claim.name for claim in shown.claims} if shown else set()
        except Exception as error:  # another's code: whatever it raises is told of it
            told(section, origin, failing(error))
            continue
        if twice := sorted(names & taken):
            told(section, origin, f"as there is a claim {twice[0]!r} already")
        elif shown is not None:
            taken |= names
            yield shown
