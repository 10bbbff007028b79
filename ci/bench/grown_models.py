"""What a model costs at growing sizes, each in a process of its own: `growth.py` draws the laws."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from laws import Growth

from suite.bench.shapes import shaped, write_shape
from suite.bench.stages import half
from suite.evaluation import memory
from suite.evaluation.perplexity import token_losses
from suite.models.loading import LoadedModel, load_model
from suite.models.pruned import pruned
from suite.models.source import from_folder
from suite.records.experiment import Experiment

FACTORS = (1, 2, 4, 8, 16)
CONTEXT = 256
# Width and layers, so that block weights double from step to step; the last is the 0.4B shape at scale 1.
STEPS = ((0.5, 6), (0.5, 12), (1.0, 6), (1.0, 12), (1.0, 24))
Seconds = tuple[float, ...]


@dataclass(frozen=True)
class ModelCosts:
    """What one size costs. `tokens` and `bytes_by_tokens` are of FACTORS windows; bytes are None where not told."""

    changed: int  # weights that pruning the blocks changes and restoring brings back
    multiplied: int  # weights that a token is multiplied with
    bytes: int  # of all weights
    prune: Seconds
    restore: Seconds
    evaluate: Seconds
    peak: int | None  # bytes resident while a window is evaluated, over those before the model was loaded
    tokens: tuple[Seconds, ...] = ()
    bytes_by_tokens: tuple[int | None, ...] = ()


def model_costs(step: int, scale: float, repeats: int, along_tokens: bool) -> ModelCosts:
    """Measure the model of a step, in float32.

    Args:
        scale: its width, of the 0.4B shape's; a multiple of 1/8.
        along_tokens: whether evaluation is measured against tokens as well.
    """
    width, layers = STEPS[step]
    hidden = int(1024 * width * scale)
    sizes = {"hidden_size": hidden, "intermediate_size": hidden * 29 // 8, "num_hidden_layers": layers}
    config = shaped("0.4B", **sizes, num_attention_heads=hidden // 64, num_key_value_heads=hidden // 64)
    with tempfile.TemporaryDirectory() as scratch:
        write_shape(Path(scratch), config, torch.float32)
        gc.collect()
        before = 0 if torch.cuda.is_available() else memory.resident()  # a GPU's peaks are its allocator's own
        loaded = load_model(from_folder("grown", Path(scratch)), "float32", "a benchmark")
        try:
            return _measure(loaded, before, repeats, along_tokens)
        finally:
            loaded.close()


def _measure(loaded: LoadedModel, before: int | None, repeats: int, along_tokens: bool) -> ModelCosts:
    anatomy = loaded.anatomy
    token_losses(loaded.model, _tokens(1), 1)  # maps and warms everything
    evaluate, peak = _evaluate(loaded, before, 1, repeats)
    along = [_evaluate(loaded, before, factor, repeats) for factor in FACTORS] if along_tokens else []
    prune, restore = zip(*(_prune(loaded, half("blocks")) for _ in range(repeats + 1)), strict=True)
    return ModelCosts(
        changed=anatomy.block_weights,
        multiplied=anatomy.block_weights + anatomy.head.weights,
        bytes=memory.weights_bytes(loaded.model),
        prune=prune[1:],  # the first one wakes it all up
        restore=restore[1:],
        evaluate=evaluate,
        peak=peak,
        tokens=tuple(seconds for seconds, _ in along),
        bytes_by_tokens=tuple(peak for _, peak in along),
    )


def _tokens(windows: int) -> torch.Tensor:
    return torch.randint(180, (windows, CONTEXT), generator=torch.Generator().manual_seed(0))


def _evaluate(loaded: LoadedModel, before: int | None, windows: int, repeats: int) -> tuple[Seconds, int | None]:
    """Seconds of every repeat, a window a pass, and the most bytes resident meanwhile over those before the model."""
    tokens, seconds = _tokens(windows), []
    memory.reset_peaks()
    for _ in range(repeats):
        started = time.perf_counter()
        token_losses(loaded.model, tokens, 1)
        seconds.append(time.perf_counter() - started)
    most = memory.peaks(loaded.device).bytes
    return tuple(seconds), None if most is None or before is None else most - before


def _prune(loaded: LoadedModel, asked: Experiment) -> tuple[float, float]:
    """Seconds to prune, the masks' digest among them, and to restore."""
    started = time.perf_counter()
    with pruned(loaded, asked):
        left = time.perf_counter()
    return left - started, time.perf_counter() - left


def laws(found: list[ModelCosts]) -> Iterator[Growth]:
    """How what was found grows, the smallest model first; the smallest was measured along tokens."""
    changed, multiplied = tuple(one.changed for one in found), tuple(one.multiplied for one in found)
    what = "magnitude, half of each tensor"
    yield Growth("prune", what, "weights changed", "s", changed, tuple(one.prune for one in found))
    yield Growth("restore", "all that was pruned", "weights changed", "s", changed, tuple(one.restore for one in found))
    what = f"a window of {CONTEXT} tokens"
    yield Growth("evaluate", what, "weights multiplied", "s", multiplied, tuple(one.evaluate for one in found))
    tokens = tuple(CONTEXT * factor for factor in FACTORS)
    what = f"windows of {CONTEXT} tokens"
    yield Growth("evaluate", what, "tokens", "s", tokens, found[0].tokens)
    if peaks := told([one.peak for one in found]):
        weights = tuple(one.bytes for one in found)
        yield Growth("evaluate", "most memory, one batch", "the model's bytes", "bytes", weights, peaks)
    if peaks := told(found[0].bytes_by_tokens):
        yield Growth("evaluate", "most memory, all batches", "tokens", "bytes", tokens, peaks, expected=0.0)


def told(peaks: list[int | None] | tuple[int | None, ...]) -> tuple[tuple[float, ...], ...]:
    """The peaks as costs; none where the system does not tell them."""
    known = [peak for peak in peaks if peak is not None]
    return tuple((float(peak),) for peak in known) if len(known) == len(peaks) else ()
