"""The course of a recovery, reckoned without torch: its steps, rates and windows, and what it needs of memory."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from suite.models.anatomy import Anatomy
from suite.protocol import RECOVERY_EVALUATED, RECOVERY_FINAL_RATE, RECOVERY_WARM_UP, TOKENS_A_BATCH
from suite.records.experiment import Recovery

BYTES_A_WEIGHT = 4 + 4 + 8 + 1  # in float32 itself, its gradient and AdamW's two moments; and whether it was removed
KEPT_A_TOKEN = (12, 6)  # numbers a block keeps for the way back, or makes on it: by its width, and its inner width


@dataclass(frozen=True, slots=True)
class Schedule:
    """What happens when. Steps count from 0; every batch is whole, so up to a batch more is seen than was asked for."""

    asked: Recovery

    @property
    def steps(self) -> int:
        return math.ceil(self.asked.tokens / self.tokens_a_step)

    @property
    def tokens_a_step(self) -> int:
        return self.asked.batch * self.asked.context

    @property
    def tokens(self) -> int:
        """Tokens seen in all, windows counted whole."""
        return self.steps * self.tokens_a_step

    @property
    def evaluated(self) -> frozenset[int]:
        """After how many steps the perplexity is taken."""
        return frozenset(math.ceil(self.steps * share) for share in RECOVERY_EVALUATED)

    def rate(self, step: int) -> float:
        """The learning rate of a step: up over the first twentieth, then down along a cosine to a tenth at the last."""
        warm = math.ceil(self.steps * RECOVERY_WARM_UP)
        if step < warm:
            return self.asked.learning_rate * (step + 1) / warm
        done = (step + 1 - warm) / (self.steps - warm)
        share = RECOVERY_FINAL_RATE + (1 - RECOVERY_FINAL_RATE) * (1 + math.cos(math.pi * done)) / 2
        return self.asked.learning_rate * share

    def places(self, step: int, tokens: int) -> list[int]:
        """Where the windows of a step begin in a text of so many tokens.

        They follow from the seed and the step alone, by the raw words of NumPy's Philox: every model that learns from a
        text, however it was pruned, sees the same windows in the same order.
        """
        words = np.random.Philox(key=[self.asked.seed, step]).random_raw(self.asked.batch)
        return [int(word) % (tokens - self.asked.context + 1) for word in words]


def training_bytes(anatomy: Anatomy, asked: Recovery) -> int:
    """About how many bytes a recovery holds on the model's device: weights and what AdamW keeps of them, what a pass
    keeps for its way back, and its logits with their gradients. The copy to restore from lies on the host."""
    tokens = min(asked.batch, max(1, TOKENS_A_BATCH // asked.context)) * asked.context
    outer, inner = KEPT_A_TOKEN
    kept = anatomy.layers * (outer * anatomy.hidden + inner * anatomy.inner) + 4 * anatomy.vocabulary
    return anatomy.weights * BYTES_A_WEIGHT + tokens * kept * 4
