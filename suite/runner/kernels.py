"""What the hardware's 2:4 kernels make of a model that is pruned for them, beside the dense kernels, in one sitting."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from typing import Any

from suite.errors import ExperimentError, sentence
from suite.evaluation import memory
from suite.evaluation.generation import Timing
from suite.models.loading import LoadedModel
from suite.models.semi_structured import on_sparse_kernels, why_not
from suite.records.experiment import Measure
from suite.records.schema import SemiStructured


def on_kernels(
    loaded: LoadedModel,
    names: Iterable[str],
    measure: Collection[Measure],
    perplexity: Callable[[], float],
    timing: Callable[[], Timing],
) -> SemiStructured:
    """Measure the pruned model again on 2:4 kernels where the hardware has them; say why not elsewhere.

    Args:
        names: the pruned weights.
        measure: what is asked for; the rest stays None.
        perplexity: evaluates the model as it is.
        timing: gives a clock for the model as it is, not started.
    """
    names = list(names)
    if (reason := why_not(loaded, names)) is not None:
        return SemiStructured(why_not=reason)
    try:
        return SemiStructured(**_measured(loaded, names, measure, perplexity, timing))
    except (ExperimentError, RuntimeError, ValueError, AssertionError, MemoryError) as error:
        return SemiStructured(why_not=f"the 2:4 kernels failed: {sentence(str(error), 500)}")


def _measured(
    loaded: LoadedModel,
    names: list[str],
    measure: Collection[Measure],
    perplexity: Callable[[], float],
    timing: Callable[[], Timing],
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    dense, sparse = (timing(), timing()) if "generation" in measure else (None, None)
    if "perplexity" in measure:
        _, found["dense_kernel_evaluation_seconds"] = _timed(perplexity)
    if dense:
        dense.block()
    with on_sparse_kernels(loaded, names) as packed:
        found |= {"layers": packed.layers, "kernel": packed.kernel}
        memory.reset_peaks()
        if sparse:
            sparse.block()
        if "perplexity" in measure:
            found["perplexity"], found["evaluation_seconds"] = _timed(perplexity)
        if sparse:
            sparse.block()
        if "memory" in measure:
            found |= {"weights_bytes": memory.weights_bytes(loaded.model), "peaks": memory.peaks(loaded.device)}
    if dense and sparse:
        dense.block()
        found |= {
            "prefill_tokens_per_s": sparse.prefill,
            "decode_tokens_per_s": sparse.decode,
            "dense_kernel_decode_tokens_per_s": dense.decode,
            "captured": sparse.captured(dense),
        }
    return found


def _timed(work: Callable[[], float]) -> tuple[float, float]:
    started = time.perf_counter()
    return work(), time.perf_counter() - started
