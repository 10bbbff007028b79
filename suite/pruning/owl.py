"""OWL: layers with more outliers keep more of their weights (Yin et al., ICML 2024, arXiv 2310.05175)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from scipy.optimize import brentq
from torch import Tensor

from suite.protocol import OWL_SPREAD, OWL_TIMES


def outlier_share(scores: Callable[[], Iterable[Tensor]]) -> float:
    """The share of a layer's weights whose Wanda score is an outlier (the layerwise outlier distribution, section 3.2).

    Args:
        scores: gives the scores of each of the layer's tensors, float32 of any shape; called twice, so that one of
            them is held at a time.
    """
    whole, weights = 0.0, 0
    for score in scores():
        whole += float(score.sum())
        weights += score.numel()
    bound = OWL_TIMES * whole / weights
    return sum(int((score > bound).sum()) for score in scores()) / weights


def owl_sparsities(shares: Sequence[float], weights: Sequence[int], sparsity: float) -> list[float]:
    """A sparsity for each layer: the more outliers, the lower, over a range of 2 x OWL_SPREAD; the mean is `sparsity`.

    The mean counts each layer by its weights, and is kept exactly, as the authors' code keeps it (of layers of equal
    size): the range is centred on it only where the shares lie evenly. Sparsities end at 0 and 1, and the others make
    up for those that would lie beyond.

    Args:
        shares: of outliers, of each layer.
        weights: of each layer.
        sparsity: of all of them together.
    """
    share = np.asarray(shares, dtype=np.float64)
    count = np.asarray(weights, dtype=np.float64)
    extent = float(np.ptp(share))
    kept = 2 * OWL_SPREAD * (share - share.min()) / extent if extent else np.zeros_like(share)

    def at(highest: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.clip(highest - kept, 0, 1)

    def surplus(highest: float) -> float:
        return float(count @ at(highest) / count.sum()) - sparsity

    highest = 2.0  # where everything goes, if by rounding the mean is a little less than all
    if surplus(highest) > 0:
        highest = brentq(surplus, 0, highest, xtol=1e-15)
    return [float(one) for one in at(highest)]
