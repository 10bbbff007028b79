"""Comparing two cells of one model window by window, and sharing one error rate among the comparisons of a claim."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from suite.analysis.cells import NO_INTERVAL, Cell
from suite.analysis.values import Bounds, NotMeasured, Verdict
from suite.evaluation.interval import enough_windows, mean_interval, ratio_interval
from suite.protocol import LEVEL
from suite.records.schema import Interval, Protocol

OTHER_MODEL = NotMeasured("of another model, whose perplexity has another dense baseline")
OTHER_WINDOWS = NotMeasured("not measured on the same windows")


def shared_level(comparisons: int) -> float:
    """The level of each interval of a claim that needs so many of them: Bonferroni's share of the claim's 5 %."""
    return 1 - (1 - LEVEL) / max(comparisons, 1)


def paired(one: Cell, other: Cell, level: float = LEVEL) -> Bounds:
    """The interval of the perplexity of `one` over that of `other`, from the differences of the same windows.

    Both must be of one model: across models, what is compared as a rule is the ratio to each model's own dense one.
    """
    return paired_models(one, other, level) if one.model == other.model else OTHER_MODEL


def paired_models(one: Cell, other: Cell, level: float = LEVEL) -> Bounds:
    """The same of two models, where their perplexities themselves are the question."""
    if isinstance(first := one.quality, NotMeasured):
        return first
    if isinstance(second := other.quality, NotMeasured):
        return second
    if not same_windows(one, other):
        return OTHER_WINDOWS
    spread = first.protocol.text_windows
    return ratio_interval(first.nll_per_window, second.nll_per_window, level, spread) or NO_INTERVAL


def contrast(more: Sequence[Cell], less: Sequence[Cell], level: float = LEVEL) -> Bounds:
    """The interval, in nats, of the summed mean losses of `more` over those of `less`, window by window.

    All cells must be of one model, and read the same windows.
    """
    cells = [*more, *less]
    if any(cell.model != cells[0].model for cell in cells):
        return OTHER_MODEL
    if missing := [q for cell in cells if isinstance(q := cell.quality, NotMeasured)]:
        return missing[0]
    if not all(same_windows(cells[0], cell) for cell in cells):
        return OTHER_WINDOWS
    difference = _summed(more) - _summed(less)
    first = cells[0].quality
    spread = None if isinstance(first, NotMeasured) else first.protocol.text_windows
    if not enough_windows(len(difference), spread):
        return NO_INTERVAL
    low, high = mean_interval(difference, level)
    return Interval(low=float(low), high=float(high), level=level)


def _summed(cells: Sequence[Cell]) -> NDArray[np.float64]:
    losses = [q.nll_per_window for cell in cells if not isinstance(q := cell.quality, NotMeasured)]
    total: NDArray[np.float64] = np.sum(np.asarray(losses, dtype=np.float64), axis=0)
    return total


def same_windows(one: Cell, other: Cell) -> bool:
    """Whether two cells, of whatever models, read the same windows of the same text, cut by the same tokenizer."""
    first, second = one.quality, other.quality
    if isinstance(first, NotMeasured) or isinstance(second, NotMeasured):
        return False
    return _windows(first.protocol) == _windows(second.protocol)


def above_one(ratio: Bounds) -> Verdict:
    """Whether a ratio known by its interval is larger than 1."""
    if not isinstance(ratio, Interval):
        return Verdict.UNKNOWN
    if ratio.low > 1:
        return Verdict.HOLDS
    return Verdict.FAILS if ratio.high < 1 else Verdict.UNKNOWN


def within(ratio: Bounds, margin: float) -> Verdict:
    """Whether a ratio known by its interval lies between 1 / (1 + margin) and 1 + margin: equivalence, not its lack."""
    if not isinstance(ratio, Interval):
        return Verdict.UNKNOWN
    least, most = 1 / (1 + margin), 1 + margin
    if least <= ratio.low and ratio.high <= most:
        return Verdict.HOLDS
    return Verdict.FAILS if ratio.high < least or ratio.low > most else Verdict.UNKNOWN


def _windows(p: Protocol) -> tuple[object, ...]:
    return p.text_sha256, p.join, p.tokenizer_sha256, p.bos, p.context, p.stride, p.windows, p.text_windows
