"""What a training of the search for a ticket takes, reckoned without torch."""

from __future__ import annotations

from suite.models.anatomy import Anatomy
from suite.records.experiment import Training

BATCHED = 5_000_000  # parameters, up to which networks are small enough to leave a GPU idle when they are alone
TOGETHER = 64  # networks at most that are trained as one batch on a GPU
ON_A_CORE = 8  # and on a core of a processor: more gain nothing there, and more would be lost with a batch
STEP_A_LAYER = 1.5e-3  # seconds a layer costs a batch's step whatever its size: operations begun one after another
SMALL_SHARE = 0.5  # of the rate of large matrix products that small ones reach
EXAMINED = 1.15  # times as long, for what is examined along the way and after it
BYTES_A_WEIGHT = 4 + 4 + 4 + 8 + 1  # itself, its start, its gradient, AdamW's two moments, and its mask
KEPT_A_TOKEN = 60  # numbers of the width a block keeps for the way back, the attention's among them
PROCESS_BYTES = 500_000_000  # of each process on a host: the libraries, once more


def training_seconds(
    anatomy: Anatomy, asked: Training, context: int, rate: float, together: int, executors: int
) -> float:
    """Seconds of one training, in the company of as many as run at once.

    Args:
        rate: floating-point operations a second of one executor.
        together: networks that are trained as one batch.
        executors: how many batches run at once.
    """
    tokens = asked.batch * context
    step = anatomy.layers * STEP_A_LAYER / together + 6 * (anatomy.weights + anatomy.head.weights) * tokens / (
        SMALL_SHARE * rate
    )
    prefix = asked.read if asked.read is not None and asked.read < 1 else 0.0
    return EXAMINED * asked.steps * (1 + prefix) * step / executors


def training_bytes(anatomy: Anatomy, asked: Training, context: int, networks: int) -> int:
    """Bytes that so many networks need at once on their device."""
    kept = asked.batch * context * (anatomy.layers * KEPT_A_TOKEN * anatomy.hidden + 4 * anatomy.vocabulary)
    return networks * (anatomy.weights * BYTES_A_WEIGHT + 4 * kept)
