"""Colours survive the common kinds of colour blindness: what they alone tell apart stays apart, darker stays worse."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations, pairwise

import numpy as np
import pytest

from suite.report.theme import blend, theme
from tests.report.colour import SEEN, distance, lab

APART = 8.0  # CIEDE2000, for lines that differ by their markers as well
ALONE = 12.0  # for bars beside text, which nothing else tells apart at a glance
RED_GREEN = ("#D62728", "#2CA02C")


def alike(colours: Iterable[str], least: float) -> list[str]:
    """Pairs nearer than `least` for some reader."""
    return [
        f"{a} and {b} in {sight}"
        for a, b in combinations(colours, 2)
        for sight in SEEN
        if distance(lab(a, sight), lab(b, sight)) < least
    ]


def uneven(scale: Sequence[str]) -> list[str]:
    """Where a scale does not get darker from step to step, for some reader."""
    lightness = {sight: [float(lab(colour, sight)[0]) for colour in scale] for sight in SEEN}
    return [f"{sight}: {a:.0f} to {b:.0f}" for sight, seen in lightness.items() for a, b in pairwise(seen) if a - b < 1]


def scale(low: str, high: str) -> list[str]:
    return [blend(low, high, step / 8) for step in range(9)]


@pytest.mark.parametrize(
    ("a", "b", "expected"),  # from the test data of Sharma, Wu and Dalal (2005)
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -1, 2), (50, 0, 0), 2.3669),
        ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_measure_is_the_published_one(a, b, expected):
    assert distance(np.array(a), np.array(b)) == pytest.approx(expected, abs=1e-4)


def test_lines_can_be_told_apart_by_their_colours():
    assert alike([*theme().series, theme().control], APART) == []


def test_verdicts_can_be_told_apart_by_their_colours():
    assert alike([theme().colours[name] for name in ("coherent", "degraded", "incoherent")], ALONE) == []


def test_the_heat_scale_gets_darker_for_every_reader_and_what_is_missing_is_not_on_it():
    heat = scale("#FFFFFF", theme().colours["heat"])
    assert uneven(heat) == []
    assert not [pair for colour in heat for pair in alike([colour, theme().colours["missing"]], 3.0)]


def test_a_palette_of_red_and_green_fails_though_most_readers_see_the_difference():
    assert alike(RED_GREEN, ALONE) == ["#D62728 and #2CA02C in deuteranopia"]
    assert uneven(scale(*reversed(RED_GREEN))) and uneven(["#0000FF", "#00FF00", "#FF0000"])
