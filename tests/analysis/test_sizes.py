"""Promises of families: bigger stands more only where every step up in size says so."""

import pytest

from suite.analysis.values import Verdict
from suite.records.schema import Record
from tests.synthetic import record
from tests.told import claims

SIZES = ("story-mistral-small", "story-mistral", "story-mistral-large")


def family(ratios: tuple[float, ...], noise: float = 0.01) -> list[Record]:
    dense = [record(model=model) for model in SIZES]
    return dense + [
        record(model=model, target="blocks", sparsity=0.5, ratio=ratio, noise=noise)
        for model, ratio in zip(SIZES, ratios, strict=True)
    ]


@pytest.mark.parametrize(
    ("ratios", "noise", "verdict"),
    [
        ((1.4, 1.3, 1.2), 0.01, Verdict.HOLDS),
        ((1.4, 1.2, 1.3), 0.01, Verdict.FAILS),
        ((1.4, 1.3, 1.295), 0.1, Verdict.UNKNOWN),
    ],
)
def test_bigger_models_stand_more_or_not_or_it_cannot_be_told(ratios, noise, verdict):
    claim = claims(family(ratios, noise))["bigger_stand_more"]
    assert claim.verdict is verdict
    assert [member.model.name for member in claim["families"][0].members] == list(SIZES)


def test_every_family_must_agree():
    other = [record(model=f"tale-phi{size}", target="blocks", sparsity=0.5, ratio=1.1) for size in ("-small", "-large")]
    dense = [record(model=f"tale-phi{size}") for size in ("-small", "-large")]
    sized = [resized(one) for one in (*dense, *other)]
    claim = claims([*family((1.4, 1.3, 1.2)), *sized])["bigger_stand_more"]
    assert len(claim["families"]) == 2 and claim.verdict is Verdict.UNKNOWN


def test_a_family_that_shares_no_cell_is_compared_by_its_cliffs():
    sparsities = {"story-mistral-small": 0.3, "story-mistral": 0.4, "story-mistral-large": 0.6}
    records = [record(model=model) for model in SIZES]
    for model, knee in sparsities.items():
        records += [record(model=model, target="blocks", sparsity=knee, ratio=1.02)]
        records += [record(model=model, target="blocks", sparsity=knee + 0.05, ratio=1.5)]
    claim = claims(records)["bigger_stand_more"]
    assert claim.verdict is Verdict.HOLDS and claim["families"][0].sparsity is None


def test_models_of_one_size_are_no_family():
    tied = [record(model="story-qwen"), record(model="story-qwen-tied")]
    tied += [record(model=one.experiment.model, target="blocks", sparsity=0.5) for one in tied]
    assert "bigger_stand_more" not in claims(tied)


def resized(found: Record) -> Record:
    size = {"block_weights": 10_000 if found.experiment.model.endswith("small") else 20_000}
    return found.model_copy(update={"model": found.model.model_copy(update=size)})
