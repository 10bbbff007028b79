"""Seconds that passes through a model take, by what is in them: products, attention, numbers one by one, and calls.

The constants were fitted on a quiet AMD EPYC (Zen 5, 2 cores) with torch 2.13, by models of 64 to 1024 hidden units and
by SmolLM2 135M, with one thread and two. They count float32 exponentials, which a trial times on every machine: what
they stand for is no exponential, but it is computed number by number as those are.
"""

from __future__ import annotations

from suite.bench.work import evaluation_operations, step_bytes
from suite.forecast.rates import Rates
from suite.models.anatomy import Anatomy

SCORE = 8.0  # exponentials that a query and a key before it take, in heads so narrow that products take less
BY_WIDTH = 15.0  # exponentials a layer takes for each hidden unit of a token: norms, rotation, residuals
BY_INNER = 5.0  # and for each inner unit of its MLP: the activation, and its product with the other half
LOGIT = 8.0  # exponentials that a logit takes: written, read for the largest, taken to a power, summed
SECOND = 5.0  # and that the second product of the size of the logits' takes, beside its operations
AROUND = 0.7  # layers' calls that a pass takes beside those of its layers: embeddings, mask, head
TOGETHER = 1.4  # times the calls of a step of one text that a step of several takes
SKINNY = 0.75  # share of the rate of evaluation that products of a few rows reach
CACHED = 2**24  # bytes of weights that stay in a processor's cache from one step to the next


def calls(anatomy: Anatomy, passes: float, rates: Rates, first: int = 0) -> float:
    """Seconds that passes take whatever is in them; no block before `first` runs."""
    return passes * (anatomy.layers - first + AROUND) * rates.layer


def body(
    anatomy: Anatomy,
    tokens: float,
    context: int,
    rates: Rates,
    dtype: str,
    first: int = 0,
    evaluating: bool = True,
) -> float:
    """Seconds of the blocks over tokens in windows of `context`, without calls.

    Args:
        first: the first block that runs.
        evaluating: by the library that evaluation takes.
    """
    products = evaluation_operations(anatomy, 1, 0, 0, first)
    attention = evaluation_operations(anatomy, 1, context, 0, first) - products
    layers = anatomy.layers - first
    scores = rates.numbers(SCORE * layers * anatomy.heads * context / 2)
    narrow = rates.seconds("evaluate", attention, dtype if rates.on_gpu else "float32")  # never emulated
    between = rates.numbers(layers * (BY_WIDTH * anatomy.hidden + BY_INNER * anatomy.inner))
    return tokens * (rates.products(products, dtype, anatomy.hidden, evaluating) + max(scores, narrow) + between)


def head(
    anatomy: Anatomy, tokens: float, rates: Rates, dtype: str, twice: bool = False, evaluating: bool = True
) -> float:
    """Seconds of the logits and losses of tokens.

    Args:
        twice: with a second product of that size: the dense model's logits, or the mean of the head's rows.
        evaluating: by the library that evaluation takes.
    """
    operations = 2 * anatomy.head.weights * (1 + twice)
    numbers = anatomy.vocabulary * (LOGIT + SECOND * twice)
    return tokens * (rates.products(operations, dtype, anatomy.hidden, evaluating) + rates.numbers(numbers))


def step(anatomy: Anatomy, texts: int, rates: Rates, dtype: str) -> float:
    """Seconds in which so many texts get a token each: their products, and reading every weight that multiplies."""
    read = step_bytes(anatomy, dtype)
    seconds = calls(anatomy, 1 if texts == 1 else TOGETHER, rates)
    seconds += rates.seconds("generate", read if rates.on_gpu else max(0, read - CACHED), dtype)
    if texts > 1:
        operations = texts * evaluation_operations(anatomy, 1, 0)
        seconds += rates.products(operations, dtype, anatomy.hidden, evaluating=False) / SKINNY
    return seconds
