"""Promises of claims: no verdict without an interval, and comparisons by the windows that cells share."""

import math

import pytest

from suite.analysis.cells import cells_of
from suite.analysis.paired import above_one, paired, shared_level, within
from suite.analysis.values import NotMeasured, Verdict, below, everywhere
from suite.evaluation.interval import ratio_interval
from suite.records.schema import Interval, Record
from tests.synthetic import record
from tests.told import claims

LOW, MIDDLE, HIGH = Interval(low=1.0, high=1.05), Interval(low=1.04, high=1.2), Interval(low=1.3, high=1.4)
MISSING = NotMeasured("too few windows")


def without_interval(found: Record) -> Record:
    assert found.perplexity is not None
    few = {"interval": None, "nll_per_window": found.perplexity.nll_per_window[:10], "windows": 10}
    return found.model_copy(update={"perplexity": found.perplexity.model_copy(update=few)})


def test_a_limit_is_held_broken_or_open():
    assert [below(i, 1.1) for i in (LOW, MIDDLE, HIGH, MISSING)] == [
        Verdict.HOLDS,
        Verdict.UNKNOWN,
        Verdict.FAILS,
        Verdict.UNKNOWN,
    ]


def test_everywhere_is_broken_by_one_counterexample_and_opened_by_one_doubt():
    assert everywhere([Verdict.HOLDS, Verdict.UNKNOWN, Verdict.FAILS]) is Verdict.FAILS
    assert everywhere([Verdict.HOLDS, Verdict.UNKNOWN]) is Verdict.UNKNOWN
    assert everywhere([]) is Verdict.UNKNOWN


@pytest.mark.parametrize("missing", [False, True])
def test_beating_random_removal_cannot_be_told_without_intervals(missing):
    pair = [record(target="all", sparsity=0.2), record(target="all", sparsity=0.2, criterion="random", seed=0)]
    pair = [without_interval(found) for found in pair] if missing else pair
    claim = claims([record(), *pair])["beats_random"]
    assert claim.verdict is (Verdict.UNKNOWN if missing else Verdict.HOLDS)


def test_beating_random_removal_is_refuted_where_every_draw_harms_less():
    pair = [record(target="all", sparsity=0.2, ratio=1.5)]
    pair += [record(target="all", sparsity=0.2, ratio=1.1, criterion="random", seed=seed) for seed in (0, 1, 2)]
    assert claims([record(), *pair])["beats_random"].verdict is Verdict.FAILS


@pytest.mark.parametrize(
    ("ratio", "verdict"), [(62.0, Verdict.HOLDS), (62.0 / 1.47, Verdict.UNKNOWN), (8.0, Verdict.FAILS)]
)
def test_predicting_worse_than_word_counts_is_decided_by_the_interval(ratio, verdict):
    told = claims([record(), record(target="all", sparsity=0.9, ratio=ratio)])
    assert told["worse_than_unigram"].verdict is verdict


def test_paired_cells_are_told_apart_where_their_own_intervals_overlap():
    """Windows that are hard for every cell make each ratio uncertain, and not which of two is larger."""
    shared = [0.3 * math.sin(i / 4) for i in range(60)]
    cells = [
        shaken(record(target=target, sparsity=0.5, ratio=r), shared) for target, r in (("mlp", 1.2), ("late", 1.1))
    ]
    one, other = cells_of([record(), *cells])[1:]
    assert isinstance(one.interval, Interval) and isinstance(other.interval, Interval)
    assert one.interval.low < other.interval.high, "each on its own they overlap"
    assert above_one(paired(one, other)) is Verdict.HOLDS


def test_pairs_need_the_same_windows():
    one, other = cells_of([record(target="mlp", sparsity=0.5), record(target="mlp", sparsity=0.5, model="story-phi")])
    assert isinstance(paired(one, other), NotMeasured)


def test_a_claim_of_many_comparisons_asks_each_for_more():
    assert shared_level(1) == pytest.approx(0.95) and shared_level(10) == pytest.approx(0.995)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.995, 1.005, Verdict.HOLDS), (0.995, 1.02, Verdict.UNKNOWN), (1.02, 1.03, Verdict.FAILS)],
)
def test_equivalence_is_shown_and_not_the_lack_of_a_difference(low, high, verdict):
    assert within(Interval(low=low, high=high), 0.01) is verdict
    assert within(MISSING, 0.01) is Verdict.UNKNOWN


def shaken(found: Record, shifts: list[float]) -> Record:
    """The record with its windows shifted, and the interval that follows."""
    assert found.perplexity is not None
    base = [math.log(1.47) + 0.1 * math.sin(i) for i in range(60)]
    moved = tuple(nll + shift for nll, shift in zip(found.perplexity.nll_per_window, shifts, strict=True))
    quality = found.perplexity.model_copy(update={"nll_per_window": moved, "interval": ratio_interval(moved, base)})
    return found.model_copy(update={"perplexity": quality})
