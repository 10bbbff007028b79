"""Criteria that look at activations, and fine-tuning: what rounding explains is wider there, and still stated."""

from __future__ import annotations

import math
from typing import Any

import pytest

from suite.comparison.checks import Outcome
from suite.protocol import AGREEMENT, LEARNT, ROUNDING, SAMPLED_WEIGHTS
from suite.records import Record
from suite.records.experiment import Calibration
from tests.comparison.test_reproduction import one_pair, scaled
from tests.invented import TEXT, record

CALIBRATION = Calibration(text=TEXT.model_copy(update={"name": "other"}), samples=128, context=256, seed=0)


def wanda(flipped: int = 0, **changes: Any) -> Record:
    """A record of Wanda's; of its sampled mask, so many weights differ from the one without argument."""
    one = record(criterion="wanda", calibration=CALIBRATION, **changes)
    assert one.pruning is not None
    sample = (int("a5" * (SAMPLED_WEIGHTS // 8), 16) ^ ((1 << flipped) - 1)).to_bytes(SAMPLED_WEIGHTS // 8, "big").hex()
    digest = f"{flipped:064x}"
    pruning = one.pruning.model_copy(update={"mask_sample": sample, "mask_digest": digest})
    return one.model_copy(update={"pruning": pruning}).sealed()


def test_a_mask_that_differs_in_a_few_weights_reproduces_and_how_many_is_said():
    pair = one_pair(wanda(), wanda(flipped=2))
    assert pair.outcome("mask") is Outcome.EQUAL
    assert any("99.95 % of 4,096 sampled weights" in reason for reason in pair.reasons)


def test_a_mask_that_differs_in_more_is_caught():
    flipped = math.ceil((1 - AGREEMENT) * SAMPLED_WEIGHTS) + 1
    pair = one_pair(wanda(), wanda(flipped))
    assert pair.outcome("mask") is Outcome.DIFFERS
    assert "99 % wanted" in pair.reasons[0]


def test_a_magnitude_mask_has_no_such_room():
    assert (
        one_pair(record(), record().model_copy(update={"pruning": wanda(1).pruning})).outcome("mask") is Outcome.DIFFERS
    )


@pytest.mark.parametrize(("off", "expected"), [(0.5, Outcome.EQUAL), (2.0, Outcome.DIFFERS)])
def test_the_perplexity_of_what_learnt_has_a_wider_bound_that_still_binds(off: float, expected: Outcome):
    there = wanda(sparsity=0.1)
    assert there.perplexity is not None
    room = LEARNT * ROUNDING["float32"] * there.perplexity.ratio_to_dense
    assert one_pair(scaled(there, math.exp(off * room)), there).outcome("perplexity") is expected
