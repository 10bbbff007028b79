"""Whether a perplexity ratio exceeds a factor, told from as few windows as will do.

The windows of a text are evaluated in a random order, and their losses paired with the dense model's. After each batch
a confidence sequence says where the mean difference over the whole text may lie. It holds at all times together, so
one may look after every batch and stop when the factor is outside.

The sequence is of a mean without replacement: the estimator of Waudby-Smith and Ramdas (2020, arXiv 2006.04347), with
the normal mixture boundary of Robbins (1970; Howard et al. 2021, arXiv 1810.08240) and the variance as estimated so far
(Waudby-Smith et al. 2024, arXiv 2103.06476). With an estimated variance it holds for many windows; for few it is
widened by the ratio of Student's to the normal quantile. Asked for 1 %, it missed the mean in 0.3 to 1.5 % of simulated
texts, in up to 4 % of those as skewed as the losses of real models ever are. Since the order is random, it does not
matter that neighbours are alike. It is about this text: how another text would differ, it does not say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit
from torch import Tensor

from suite.protocol import SEQUENTIAL_FEWEST, SEQUENTIAL_SEED, SEQUENTIAL_SHARE, SEQUENTIAL_TIGHTEST
from suite.records.experiment import Sequential
from suite.records.schema import FactorVerdict, Protocol, SequentialTest

LARGEST = 1e150  # of a ratio in a record


def sequential_test(
    asked: Sequential,
    losses: Callable[[Tensor], NDArray[np.float64]],
    dense: Sequence[float],
    batch_size: int,
    protocol: Protocol,
    progress: Callable[[int, int], None] = lambda done, most: None,
) -> SequentialTest:
    """Evaluate windows in the random order until every factor is decided, or `most_windows` are seen.

    Args:
        asked: the factors, and the chance of being wrong.
        losses: given numbers of windows, int64 [batch], their mean losses, nats, float64 [batch].
        dense: the dense model's mean losses of all windows, in the text's order.
        batch_size: windows that are evaluated at once, at most.
        protocol: how the windows are evaluated.
        progress: told how many windows are done, and how many there will be at most.

    Raises:
        NotFiniteError: from `losses`.
    """
    limit = most_windows(len(dense))
    order = random_order(len(dense))[:limit]
    found: list[float] = []
    for chosen in torch.from_numpy(order).split(min(batch_size, SEQUENTIAL_FEWEST)):
        found += losses(chosen).tolist()
        progress(len(found), limit)
        if len(found) < min(SEQUENTIAL_FEWEST, limit):
            continue
        seen = order[: len(found)]
        differences = np.array(found) - np.array(dense)[seen]
        low, high = confidence_sequence(differences, len(dense), asked.alpha)
        verdicts = tuple(FactorVerdict(factor=factor, exceeds=exceeds(low, high, factor)) for factor in asked.factors)
        if all(one.exceeds is not None for one in verdicts):
            break
    mean = float(differences.mean())
    return SequentialTest(
        ratio=_ratio(mean),
        low=_ratio(low),
        high=_ratio(high),
        verdicts=verdicts,
        stopped="limit" if any(one.exceeds is None for one in verdicts) else "decided",
        windows=len(found),
        limit=limit,
        tokens=len(found) * (protocol.context - 1),
        order=tuple(seen.tolist()),
        nll_per_window=tuple(found),
        protocol=protocol,
    )


def _ratio(log: float) -> float:
    bound = math.log(LARGEST)
    return math.exp(min(max(log, -bound), bound))


def random_order(windows: int, seed: int = SEQUENTIAL_SEED) -> NDArray[np.int64]:
    """The order in which so many windows are evaluated, int64 [windows]: the same for every step of every search."""
    return np.random.Generator(np.random.Philox(seed)).permutation(windows)


def most_windows(windows: int) -> int:
    """Of so many windows of a text, how many are evaluated at most before a step is given up as open.

    Where half of the text does not tell, the ratio is so close to the factor that the whole text has to.
    """
    return max(min(SEQUENTIAL_FEWEST, windows), int(SEQUENTIAL_SHARE * windows))


def confidence_sequence(
    differences: Sequence[float] | NDArray[np.float64], population: int, alpha: float
) -> tuple[float, float]:
    """Where the mean of a whole population lies, from the first of its values in random order.

    Args:
        differences: the values seen so far, in the order they were drawn; at least two.
        population: how many values there are.
        alpha: about the chance that the interval, looked at after every value from `SEQUENTIAL_FEWEST` on, ever misses
            the mean.

    Returns:
        Both ends of the interval; the mean itself once all values are seen.
    """
    seen = np.asarray(differences, dtype=np.float64)
    count = len(seen)
    if count == population:
        return float(seen.mean()), float(seen.mean())
    left = population - np.arange(count)  # values not drawn yet before each draw
    earlier = np.concatenate([[0.0], np.cumsum(seen)[:-1]])
    weight = float((population / left).sum())
    middle = float((seen + earlier / left).sum()) / weight
    log = -2 * math.log(alpha)
    scale = (log + math.log(log + 1)) / SEQUENTIAL_TIGHTEST
    boundary = math.sqrt((count + 1 / scale) * (math.log(count * scale + 1) + log))
    few = float(stdtrit(count - 1, 1 - alpha / 2) / ndtri(1 - alpha / 2))
    half = few * float(seen.std(ddof=1)) * boundary / weight
    return middle - half, middle + half


def exceeds(low: float, high: float, factor: float) -> bool | None:
    """Whether a ratio with a log between `low` and `high` exceeds the factor; None where that cannot be told."""
    wanted = math.log(factor)
    return True if low > wanted else False if high < wanted else None
