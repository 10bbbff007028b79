"""Trainings: their losses are held to a stated bound, their masks to nothing, and their claims decide as all do."""

from __future__ import annotations

import math

import pytest

from suite.comparison.checks import Outcome
from suite.protocol import TRAINED
from suite.records.schema import Record
from tests.comparison.test_reproduction import altered, difference, held, on, one_pair
from tests.synthetic import embedded
from tests.trained import quick, training


def off(one: Record, nats: float) -> Record:
    return altered(one, training={"loss": one.training.loss + nats})


TICKET = training("ticket", level=3)


def test_a_search_compared_with_itself_reproduces_in_full():
    comparison = held(quick(), quick())
    assert comparison.reproduces and len(comparison.pairs) == len(quick())
    assert {"ticket_matches", "ticket_beats_random"} <= {claim.name for claim in comparison.claims}
    both = [*embedded(), *quick()]
    assert held(both, both).reproduces


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("one", [TICKET, training("dense"), training("small-dense", level=4)])
def test_a_loss_within_the_bound_reproduces_and_one_beyond_it_is_caught(one: Record, sign: int):
    near = one_pair(off(one, 0.9 * sign * TRAINED), one)
    assert near.reproduces and near.outcome("perplexity") is Outcome.EQUAL
    assert near.allowed == TRAINED and abs(math.log1p(near.difference)) == pytest.approx(0.9 * TRAINED)
    far = one_pair(off(one, 1.1 * sign * TRAINED), one)
    assert not far.reproduces and far.outcome("perplexity") is Outcome.DIFFERS
    (reason,) = far.reasons
    assert ("higher here" if sign > 0 else "lower here") in reason and f"{100 * TRAINED:.2g} % allowed" in reason


def test_the_bound_is_the_same_on_another_device():
    assert one_pair(off(on(TICKET, device="cuda:0"), 0.9 * TRAINED), TICKET).reproduces


def test_another_mask_is_noted_and_decides_nothing():
    pair = one_pair(altered(TICKET, pruning={"mask_digest": "0" * 64}), TICKET)
    assert pair.reproduces and pair.outcome("mask") is Outcome.NOTED
    assert pair.reasons == ("another mask, as rounding leads to",)
    assert one_pair(TICKET, TICKET).outcome("mask") is Outcome.EQUAL
    dense = training("dense")
    assert one_pair(dense, dense).outcome("mask") is Outcome.NOT_COMPARABLE


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"text_sha256": "1a2b3c4d" * 8}, "another text: 1a2b3c4d here, aaaaaaaa there"),
        ({"tokenizer_sha256": "1a2b3c4d" * 8}, "another tokenizer: 1a2b3c4d here, 77777777 there"),
        ({"windows": 239}, "239 windows here, 240 there"),
    ],
)
def test_a_loss_on_another_text_is_caught_by_name_and_not_compared(fields, named: str):
    other = altered(TICKET, training=fields)
    assert difference(other, TICKET) == named
    assert one_pair(other, TICKET).outcome("perplexity") is Outcome.NOT_COMPARABLE


def test_a_training_that_failed_or_is_missing_does_not_reproduce():
    assert difference(training("ticket", level=3, error="no number"), TICKET) == "failed here: no number"
    assert not held([training("dense")], [training("dense"), TICKET]).reproduces
    bare = altered(TICKET.model_copy(update={"training": None}))
    assert difference(bare, TICKET) == "the record here does not say what the training came to"


def test_claims_that_come_out_another_way_are_a_contradiction():
    there = quick(range(5))
    better = 0.8 * TRAINED  # within the bound of every cell, and enough to make the control the better one

    def changed(one: Record) -> Record:
        arm = one.experiment.training.arm
        return off(one, {"dense-longer": -better, "ticket": better}.get(arm, 0.0))

    comparison = held([changed(one) for one in there], there)
    assert not comparison.failing and not comparison.reproduces
    assert "ticket_matches" in {claim.name for claim in comparison.contradicted}
