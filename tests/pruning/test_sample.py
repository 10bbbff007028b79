"""A sample tells how far two masks agree, from a record alone."""

from __future__ import annotations

import numpy as np
import pytest

from suite.protocol import SAMPLED_WEIGHTS
from suite.pruning.sample import agreement, mask_sample

WEIGHTS = {"a": 100_003, "b": 50_001}


def masks(changed: float) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    found = {}
    for name, count in WEIGHTS.items():
        survives = rng.random(count) < 0.5
        survives ^= rng.random(count) < changed
        found[name] = np.packbits(survives)
    return found


def test_equal_masks_agree_wholly_and_the_sample_is_the_same_every_time() -> None:
    one = mask_sample(masks(0.0), WEIGHTS)
    assert one == mask_sample(masks(0.0), WEIGHTS)
    assert len(one) == SAMPLED_WEIGHTS // 4
    assert agreement(one, one) == 1.0


@pytest.mark.parametrize("changed", [0.01, 0.1, 0.5])
def test_the_agreement_is_that_of_the_masks(changed: float) -> None:
    found = agreement(mask_sample(masks(0.0), WEIGHTS), mask_sample(masks(changed), WEIGHTS))
    assert found == pytest.approx(1 - changed, abs=4 * (changed / SAMPLED_WEIGHTS) ** 0.5)


def test_every_weight_can_be_looked_at() -> None:
    """Also the last of each tensor, which does not fill its byte."""
    none = {name: np.packbits(np.zeros(count, bool)) for name, count in WEIGHTS.items()}
    every = {name: np.packbits(np.ones(count, bool)) for name, count in WEIGHTS.items()}
    assert agreement(mask_sample(none, WEIGHTS), mask_sample(every, WEIGHTS)) == 0.0
    few = {"a": 3, "b": 2}
    kept = {"a": np.packbits([True, False, True]), "b": np.packbits([False, True])}
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(mask_sample(kept, few)), np.uint8))
    assert bits.mean() == pytest.approx(3 / 5, abs=0.05)
