"""A narrower network of about as many parameters as a mask leaves: what to train if no ticket had to be found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from suite.models.anatomy import Anatomy


def narrower(config: Mapping[str, Any], parameters: int) -> dict[str, Any]:
    """The configuration with its widths made smaller, and as deep.

    Of all widths whose heads stay whole, and an inner width of one to four times the outer one, the one whose number of
    parameters is nearest; of equals the one whose widths are most nearly in proportion.

    Args:
        config: a transformers configuration's fields, without a `head_dim` of its own.
        parameters: how many it should have in all, embeddings and norms among them.
    """
    heads, proportion = config["num_attention_heads"], config["intermediate_size"] / config["hidden_size"]
    best: tuple[float, float] | None = None
    found = dict(config)
    for hidden in range(2 * heads, config["hidden_size"] + 1, 2 * heads):
        for inner in range(hidden, 4 * hidden + 1):
            tried = {**config, "hidden_size": hidden, "intermediate_size": inner}
            rank = (abs(Anatomy(tried).weights - parameters), abs(inner / hidden - proportion))
            if best is None or rank < best:
                best, found = rank, tried
    return found
