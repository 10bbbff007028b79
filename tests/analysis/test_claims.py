"""Promises of claims: three verdicts, and no verdict without an interval."""

import pytest

from suite.analysis.facts import build_facts
from suite.analysis.speed import speed_table
from suite.analysis.values import NotMeasured, Verdict, below, everywhere, ordered
from suite.records.schema import Interval, Record, Speed
from tests.synthetic import phase1, record

LOW, MIDDLE, HIGH = Interval(low=1.0, high=1.05), Interval(low=1.04, high=1.2), Interval(low=1.3, high=1.4)
MISSING = NotMeasured("too few windows")


def without_interval(found: Record) -> Record:
    assert found.perplexity is not None
    return found.model_copy(update={"perplexity": found.perplexity.model_copy(update={"interval": None})})


def test_a_limit_is_held_broken_or_open():
    assert [below(i, 1.1) for i in (LOW, MIDDLE, HIGH, MISSING)] == [
        Verdict.HOLDS,
        Verdict.UNKNOWN,
        Verdict.FAILS,
        Verdict.UNKNOWN,
    ]


def test_an_order_needs_intervals_apart():
    assert ordered([LOW], [HIGH]) is Verdict.HOLDS
    assert ordered([HIGH], [LOW]) is Verdict.FAILS
    assert ordered([LOW], [MIDDLE]) is Verdict.UNKNOWN
    assert ordered([LOW], [HIGH, MISSING]) is Verdict.UNKNOWN


def test_everywhere_is_broken_by_one_counterexample_and_opened_by_one_doubt():
    assert everywhere([Verdict.HOLDS, Verdict.UNKNOWN, Verdict.FAILS]) is Verdict.FAILS
    assert everywhere([Verdict.HOLDS, Verdict.UNKNOWN]) is Verdict.UNKNOWN
    assert everywhere([]) is Verdict.UNKNOWN


@pytest.mark.parametrize("missing", [False, True])
def test_beating_random_removal_cannot_be_told_without_intervals(missing):
    pair = [record(target="all", sparsity=0.2), record(target="all", sparsity=0.2, criterion="random", seed=0)]
    pair = [without_interval(found) for found in pair] if missing else pair
    claim = build_facts([record(), *pair]).claim("beats_random")
    assert claim.verdict is (Verdict.UNKNOWN if missing else Verdict.HOLDS)


def with_speed(found: Record, median: float, width: float, hardware: str = "one machine") -> Record:
    assert found.generation is not None
    speed = Speed(median=median, quartiles=(median - width, median + width), p99=median + width, repeats=5)
    generation = found.generation.model_copy(update={"decode_tokens_per_s": speed})
    environment = found.environment.model_copy(update={"hardware": hardware})
    return found.model_copy(update={"generation": generation, "environment": environment})


@pytest.mark.parametrize(
    ("median", "width", "verdict"),
    [(100.5, 0.2, Verdict.HOLDS), (102.0, 3.0, Verdict.UNKNOWN), (150.0, 2.0, Verdict.FAILS)],
)
def test_decode_speed_is_equal_different_or_open(median, width, verdict):
    dense = with_speed(record(), 100.0, 0.2)
    pruned = [with_speed(found, median, width) for found in phase1()[1:]]
    assert build_facts([dense, *pruned]).claim("speed_unchanged").verdict is verdict


def test_speeds_of_different_machines_are_never_compared():
    dense = with_speed(record(), 3.2, 0.1, hardware="T4")
    pruned = [with_speed(found, 17.0, 0.1, hardware="V100") for found in phase1()[1:]]
    facts = build_facts([dense, *pruned])
    assert facts.main.speed is None and "speed_unchanged" not in facts.claims
    assert speed_table(NotMeasured("no dense run"), facts.cells) is None
