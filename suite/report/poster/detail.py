"""How much detail the poster shows, and what gives way where the content of a column does not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest


@dataclass(frozen=True, slots=True)
class Detail:
    """How much is shown where names, samples and the number of things are the study's to decide."""

    samples: int = 6
    characters: int = 260  # of a sample
    rows: int = 12
    failures: int = 5
    claims: int = 3  # about where the ticket lives
    claim: float = 80.0  # type size of the takeaway's words
    evidence: bool = True
    brief: bool = False  # the evidence in a line or two
    names: int = 7  # models listed by name
    label: int = 32  # characters of a name in that list
    hashes: bool = True  # and versions of libraries: the paper has them all


Steps = Sequence[Mapping[str, int | float | bool]]

# What gives way, step by step, where the content of a column does not fit.
SAMPLES: Steps = (
    {},
    {"samples": 5},
    {"samples": 5, "characters": 200},
    {"samples": 4, "characters": 260},
    {"samples": 4, "characters": 200},
    {"samples": 4, "characters": 150},
    {"samples": 3, "characters": 90},
    {"samples": 0},
)
ROWS: Steps = (
    {},
    {"claims": 2},
    {"rows": 10, "failures": 3, "claims": 2},
    {"rows": 8, "failures": 2, "claims": 2},
    {"rows": 8, "failures": 1, "claims": 2},
    {"rows": 8, "failures": 1, "claims": 1},
    {"rows": 6, "failures": 1, "claims": 1},
    {"rows": 6, "failures": 0, "claims": 1},
    {"rows": 4, "failures": 0, "claims": 1},
)
HERO: Steps = (
    {},
    {"claim": 70.0},
    {"claim": 70.0, "brief": True},
    {"claim": 60.0, "brief": True},
    {"claim": 52.0, "brief": True},
    {"claim": 52.0, "evidence": False},
)
MADE: Steps = ({}, {"names": 4}, {"names": 2, "label": 24}, {"names": 1, "label": 12, "hashes": False})


def steps_of(located: bool) -> dict[str, Steps]:
    """What gives way in which column: the samples stand on the left where the right says where the ticket lives."""
    both = [{**rows, **samples} for rows, samples in zip_longest(ROWS, SAMPLES, fillvalue=ROWS[-1])]
    return {"left": SAMPLES if located else (), "hero": HERO, "made": MADE, "right": ROWS if located else both}
