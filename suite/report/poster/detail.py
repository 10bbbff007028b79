"""How much detail the poster shows, and what gives way where the content of a frame does not fit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest


@dataclass(frozen=True, slots=True)
class Detail:
    """How much is shown where names, samples and the number of things are the study's to decide."""

    title: float = 1.0  # of the type sizes in the theme
    claim: float = 80.0  # type size of the takeaway's words
    number: float = 400.0  # type size of its number
    evidence: bool = True
    brief: bool = False  # the evidence in a line or two
    samples: int = 5
    characters: int = 260  # of a sample
    rows: int = 12
    reasons: bool = True  # why a smaller file is no faster model
    claims: int = 3  # about where the ticket lives
    picture: bool = True  # of the network, beside its table
    failures: int = 5
    statements: int = 3  # of the first study
    noted: bool = True  # what a figure alone does not say
    costs: bool = True  # of each criterion, in time and memory
    courses: int = 8  # of training, criterion by criterion
    recovery: bool = True  # by training, where it stands in a column
    map: bool = True  # of the damage in each layer
    third: bool = True  # the further section that stands in a column
    search: int = 2  # what is said of the search for a ticket, beside whether there is one
    asked: int = 9  # claims of the search for a ticket
    names: int = 7  # models listed by name
    label: int = 32  # characters of a name in that list
    sources: int = 3  # studies whose results came with the suite
    hashes: bool = True  # and versions of libraries: the paper has them all


Step = Mapping[str, int | float | bool]

# What gives way in a section, step by step.
LADDERS: Mapping[str, Sequence[Step]] = {
    "title": ({"title": 0.85}, {"title": 0.72}, {"title": 0.6}, {"title": 0.5}, {"title": 0.4}),
    "hero": (
        *({"brief": True}, {"claim": 70.0}, {"number": 360.0}, {"claim": 60.0}, {"evidence": False}),
        *({"claim": 52.0, "number": 300.0}, {"claim": 44.0, "number": 240.0}),
    ),
    "says": (
        {"characters": 200},
        {"samples": 4},
        {"characters": 150},
        {"samples": 3},
        {"characters": 90},
        {"samples": 2},
        {"samples": 0},
    ),
    "price": ({"reasons": False},),
    "first_study": ({"statements": 0},),
    "lives": (
        *({"claims": 2}, {"claims": 1}, {"rows": 8}, {"rows": 6}, {"claims": 0}),
        *({"picture": False, "claims": 1}, {"rows": 4}, {"claims": 0}),
    ),
    "limits": ({"failures": 3}, {"failures": 2}, {"failures": 1}, *([{}] * 5), {"failures": 0}),  # a reason stays long
    "universal": ({"noted": False},),
    "criteria": ({"costs": False},),
    "recovery": ({"courses": 4}, {"courses": 2}, *([{}] * 4), {"recovery": False}),
    "rounding": (*([{}] * 6), {"third": False}),
    "structure": (*([{}] * 6), {"third": False}),
    "map": (*([{}] * 9), {"map": False}),  # the picture of the network, which says less, goes before it
    "ticket": ({"search": 1}, {"search": 0}),
    "asked": ({"asked": 7}, {"asked": 6}, {"asked": 5}, {"asked": 4}, {"asked": 3}, {"asked": 2}),
    "ahead": ({"rows": 8}, {"rows": 6}, {"rows": 4}),
    "numbers": ({"rows": 10}, {"rows": 8}, {"rows": 6}, {"rows": 4}),
    "made": (
        *({"sources": 1}, {"sources": 0}, {"names": 4}, {"names": 2, "label": 24}),
        {"names": 1, "label": 12, "hashes": False},
    ),
}


def steps_of(frames: Mapping[str, Iterable[str]]) -> dict[str, list[Step]]:
    """For each frame what gives way in it, one thing after another, its sections taking turns from the last one up; the
    first is nothing."""
    found = {}
    for frame, sections in frames.items():
        turns = zip_longest(*(LADDERS.get(section, ()) for section in reversed((frame, *sections))))
        steps: list[Step] = [{}]
        for step in (step for turn in turns for step in turn if step):
            steps.append({**steps[-1], **step})
        found[frame] = steps
    return found


class Fitting:
    """How far down each frame's steps one must go: found by halving, all frames at once, from what overflowed."""

    def __init__(self, steps: Mapping[str, Sequence[Step]]) -> None:
        self._steps = steps
        self._too_full = dict.fromkeys(steps, -1)  # the last step known to be too full
        self._fits = {frame: len(found) - 1 for frame, found in steps.items()}  # the first known, or hoped, to fit
        self.chosen = dict.fromkeys(steps, 0)

    @property
    def detail(self) -> Detail:
        """What to try next."""
        chosen = {name: value for f, at in self.chosen.items() for name, value in self._steps[f][at].items()}
        return Detail(**chosen)  # type: ignore[arg-type]

    def learn(self, overflows: Collection[str]) -> bool:
        """Take in which frames overflowed; whether that was the last try: all fit, or one cannot."""
        for frame, at in self.chosen.items():
            if frame in overflows:
                self._too_full[frame] = at
            else:
                self._fits[frame] = min(at, self._fits[frame])
        if any(self._too_full[frame] == len(found) - 1 for frame, found in self._steps.items()):
            return True
        before = dict(self.chosen)
        for frame in self.chosen:
            low, high = self._too_full[frame], self._fits[frame]
            self.chosen[frame] = high if high - low <= 1 else (low + high) // 2
        return before == self.chosen
