"""A narrower network of about as many parameters as a mask leaves: what to train if no ticket had to be found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from suite.models.anatomy import Anatomy
from suite.protocol import SMALL_DENSE_NEAR, SMALL_DENSE_WIDEST


def narrower(config: Mapping[str, Any], parameters: int) -> dict[str, Any]:
    """The configuration with its widths made smaller, and as deep.

    Of all widths whose heads stay whole, those whose number of parameters is within a hundredth of it, or else nearest;
    and of these the ones most nearly in proportion.

    Args:
        config: a transformers configuration's fields, without a `head_dim` of its own.
        parameters: how many it should have in all, embeddings and norms among them.
    """
    heads, proportion = config["num_attention_heads"], config["intermediate_size"] / config["hidden_size"]
    best: tuple[float, float] | None = None
    found = dict(config)
    for hidden in range(2 * heads, config["hidden_size"] + 1, 2 * heads):
        for inner in range(1, SMALL_DENSE_WIDEST * hidden + 1):
            tried = {**config, "hidden_size": hidden, "intermediate_size": inner}
            off = abs(Anatomy(tried).weights / parameters - 1)
            rank = (max(0.0, off - SMALL_DENSE_NEAR), abs(math.log(inner / hidden / proportion)))
            if best is None or rank < best:
                best, found = rank, tried
    return found
