"""What each stage of the suite cannot do without, in bytes and operations: what forecasts and benchmarks count."""

from __future__ import annotations

from suite.models.anatomy import Anatomy

ITEM_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


def copy_bytes(weights: int, dtype: str) -> int:
    """Bytes that one copy of so many weights moves, read plus written: pruning's measure, and restoring's."""
    return 2 * weights * ITEM_BYTES[dtype]


def evaluation_operations(anatomy: Anatomy, tokens: int, context: int, heads: int = 1, first: int = 0) -> int:
    """Floating-point operations of the matrix products of evaluating so many tokens in windows of `context`.

    Two a weight of the blocks and of the head, and the attention's own two products over the half of each window that
    lies before a token.

    Args:
        heads: how often the head runs; twice where the dense model's predictions are computed beside a pruned one's.
        first: the first block that runs.
    """
    run = [one for one in anatomy.block_linears if one.layer is not None and one.layer >= first]
    outward = sum(one.inputs for one in run if one.part == "o")  # as wide as the queries
    multiplied = sum(map(anatomy.runs, run)) + heads * anatomy.head.weights
    return tokens * 2 * (multiplied + context * outward)


def step_bytes(anatomy: Anatomy, dtype: str) -> int:
    """Bytes that a step of decoding reads at batch 1: every weight that multiplies, once."""
    return (anatomy.running_weights + anatomy.head.weights) * ITEM_BYTES[dtype]
