"""A curve that tests search, and where a factor is crossed on it."""

from __future__ import annotations

from collections.abc import Mapping

from suite.records.experiment import Experiment, TextReference

TEMPLATE = Experiment(
    model="m",
    revision="r",
    criterion="magnitude",
    target="all",
    text=TextReference(name="t", revision="r", join=""),
    context=64,
)


def bracket(ratios: Mapping[float, float], factor: float) -> tuple[float, float | None]:
    """The points around the first crossing: the last before it, 0 where there is none, and the first beyond."""
    above = min((s for s, ratio in ratios.items() if ratio > factor), default=None)
    return max((s for s in ratios if above is None or s < above), default=0.0), above
