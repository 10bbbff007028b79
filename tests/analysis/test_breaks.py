"""Promises of what breaks: kinds are compared within a model, and models decide."""

import pytest

from suite.analysis.breaks import breaks_of
from suite.analysis.facts import build_facts
from suite.analysis.over_models import mean_over_models
from suite.analysis.values import NotMeasured, Verdict
from suite.records.schema import Interval, Record
from tests.synthetic import embedded, record
from tests.told import claims, found

NAMES = ("attention_breaks_recall", "mlp_breaks_fact", "parts_break_apart")


def scored(found: Record, recall: float, fact: float) -> Record:
    assert found.perplexity is not None and found.perplexity.by_kind is not None
    kinds = found.perplexity.by_kind | {"recall": recall, "fact": fact}
    return found.model_copy(update={"perplexity": found.perplexity.model_copy(update={"by_kind": kinds})})


def study(contrasts: list[float], **changes: object) -> list[Record]:
    """Models at twice the dense perplexity, a nat of it on recall and fact; the MLP's contrast is the opposite."""
    records = []
    for index, contrast in enumerate(contrasts):
        cell = {"model": f"m{index}", "sparsity": 0.4, "ratio": 2.0, **changes}
        more, less = 0.1 + (1 + contrast) / 2, 0.1 + (1 - contrast) / 2
        records += [scored(record(model=f"m{index}"), 0.1, 0.1)]
        records += [scored(record(target="attention", **cell), more, less)]
        records += [scored(record(target="mlp", **cell), less, more)]
    return records


@pytest.mark.parametrize(
    ("contrasts", "verdict"),
    [
        ([0.3, 0.31, 0.29, 0.3], Verdict.HOLDS),
        ([-0.3, -0.31, -0.29, -0.3], Verdict.FAILS),
        ([0.5, -0.2, 0.1, 0.0], Verdict.UNKNOWN),
        ([0.3, 0.31], Verdict.UNKNOWN),
    ],
)
def test_what_breaks_is_decided_by_the_spread_of_models(contrasts, verdict):
    told = claims(study(contrasts))
    assert [told[name].verdict for name in NAMES] == [verdict] * 3
    assert told[NAMES[0]]["models"] == len(contrasts)


def test_an_interval_over_models_is_student_s_with_one_degree_less_than_models():
    interval = mean_over_models([1.0, 2.0, 3.0], 0.95)
    assert isinstance(interval, Interval) and interval.high == pytest.approx(2 + 4.3027 / 3**0.5, rel=1e-4)
    assert isinstance(mean_over_models([1.0, 2.0], 0.95), NotMeasured)


def test_seeds_are_averaged_within_a_model_and_do_not_count_as_models():
    records = study([0.3, 0.31, 0.29])
    for seed, shift in enumerate((0.0, 0.2, 0.4)):
        drawn = study([0.1 + shift] * 3, criterion="random", seed=seed)
        records += [one for one in drawn if not one.experiment.dense]
    claim = claims(records)["attention_breaks_recall_random"]
    assert claim["models"] == 3 and claim["mean"] == pytest.approx(0.3)
    assert "mean of 3 seeds" in claim.evidence


def test_the_parts_are_compared_where_the_damage_is_nearest_to_twice_the_dense_perplexity():
    records = study([0.2, 0.3, 0.1])
    for ratio, sparsity in ((1.31, 0.3), (4.9, 0.6), (9.0, 0.8), (1.01, 0.1)):
        others = study([-0.9] * 3, ratio=ratio, sparsity=sparsity)
        records += [one for one in others if not one.experiment.dense]
    (one,) = found("breaks", records)
    assert one.ratios == pytest.approx((2.0, 2.0))
    assert [loss.contrast("attention") for loss in one.losses] == pytest.approx([0.2, 0.3, 0.1])
    for ratio in (1.2, 5.1):
        assert found("breaks", study([0.2] * 3, ratio=ratio)) is None


def test_random_removal_is_a_line_of_its_own():
    assert [one.criterion for one in found("breaks", embedded())] == ["magnitude", "random"]
    assert {*NAMES, *(f"{name}_random" for name in NAMES)} <= set(claims(embedded()))


def test_a_model_on_two_contexts_counts_once():
    twice = study([0.3, 0.31, 0.29]) + study([0.3, 0.31, 0.29], context=128)
    twice += [scored(record(model=f"m{i}", context=128), 0.1, 0.1) for i in range(3)]
    facts = build_facts(twice)
    assert len(facts.models) == 6 and len(breaks_of(facts.models)[0].losses) == 3
