"""How much each frame of the poster says, found by trying: what is too full says less, step by step."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import zip_longest

OWN = {"title": 5, "hero": 6, "limits": 5, "made": 5, "references": 3, "large": 0, "left": 0}  # levels of a frame's own
GONE = 99  # the level of a block that has no room


def steps_of(frames: Mapping[str, Sequence[tuple[str, int]]]) -> dict[str, list[dict[str, int]]]:
    """For each frame the levels of what it holds, one step after another; at the first all say everything.

    What a frame holds takes turns in saying less, from the last one up; then the last ones go, but for the first.

    Args:
        frames: of each frame, what it holds, and in how many steps each can say less.
    """
    found = {}
    for frame, held in frames.items():
        steps: list[dict[str, int]] = [{}]
        turns = zip_longest(*([(name, level + 1) for level in range(levels)] for name, levels in reversed(held)))
        for name, level in (turn for group in turns for turn in group if turn):
            steps.append({**steps[-1], name: level})
        for name, _ in reversed(held[1:]):
            steps.append({**steps[-1], name: GONE})
        found[frame] = steps
    return found


class Fitting:
    """How far down each frame's steps one must go: found by halving, all frames at once, from what overflowed."""

    def __init__(self, steps: Mapping[str, Sequence[Mapping[str, int]]]) -> None:
        self._steps = steps
        self._too_full = dict.fromkeys(steps, -1)  # the last step known to be too full
        self._fits = {frame: len(found) - 1 for frame, found in steps.items()}  # the first known, or hoped, to fit
        self.chosen = dict.fromkeys(steps, 0)

    @property
    def levels(self) -> dict[str, int]:
        """What to try next: how little each block says."""
        return {name: level for f, at in self.chosen.items() for name, level in self._steps[f][at].items()}

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
