"""What the hardware's own kernels do is measured where it has them; elsewhere the record says why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from suite.evaluation.generation import Timing
from suite.models.loading import LoadedModel, load_model
from suite.models.pruned import pruned
from suite.models.source import from_catalogue
from suite.protocol import TIMING_REPEATS
from suite.records import Record
from suite.records.experiment import Measure
from suite.records.schema import SemiStructured
from suite.runner.kernels import on_kernels
from tests.models.test_pruned import experiment
from tests.runner.running import run
from tests.sparse import Sparse, ampere

ALL: tuple[Measure, ...] = ("perplexity", "generation", "memory")


def load(dtype: str = "bfloat16") -> LoadedModel:
    return load_model(from_catalogue("story-mistral-small"), dtype, "a test")


def measured(loaded: LoadedModel, measure: tuple[Measure, ...] = ALL) -> SemiStructured:
    """The section of a model pruned 2:4; its perplexity says whether sparse products were made."""

    def perplexity() -> float:
        before = Sparse.products
        loaded.model(torch.arange(8)[None])
        return 2.0 if Sparse.products > before else 1.0

    with pruned(loaded, experiment(target="blocks", pattern="2:4", sparsity=0.5)) as done:
        return on_kernels(loaded, done.masks, measure, perplexity, lambda: Timing(loaded.model, [1, 2, 3]))


def test_sparse_and_dense_kernels_are_measured_in_one_sitting(monkeypatch: pytest.MonkeyPatch) -> None:
    ampere(monkeypatch)
    loaded = load()
    found = measured(loaded)
    assert found.why_not is None
    assert found.layers == len(loaded.anatomy.block_linears) and found.kernel == "fake"
    assert found.perplexity == 2.0, "the sparse kernels' own"
    assert found.evaluation_seconds and found.dense_kernel_evaluation_seconds
    for speed in (found.prefill_tokens_per_s, found.decode_tokens_per_s, found.dense_kernel_decode_tokens_per_s):
        assert speed and speed.repeats == 2 * TIMING_REPEATS and speed.blocks == 2
    assert found.weights_bytes and found.weights_bytes < 2 * loaded.anatomy.weights
    assert loaded.strays() == []


def test_only_what_is_asked_for_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    ampere(monkeypatch)
    found = measured(load(), ("perplexity",))
    assert found.perplexity == 2.0
    assert found.decode_tokens_per_s is found.weights_bytes is found.peaks is None
    found = measured(load(), ("generation",))
    assert found.decode_tokens_per_s and found.perplexity is found.evaluation_seconds is None


@pytest.mark.parametrize("when", ["packed", "multiplied"])
def test_kernels_that_fail_are_a_reason_and_no_failed_experiment(when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ampere(monkeypatch)

    def fails(*_: object) -> None:
        raise RuntimeError("cuSPARSELt says\nno")

    if when == "packed":
        monkeypatch.setattr(torch.sparse, "to_sparse_semi_structured", fails)
    else:
        monkeypatch.setattr(Sparse, "dense", fails)
    loaded = load()
    found = measured(loaded)
    assert found == SemiStructured(why_not="the 2:4 kernels failed: cuSPARSELt says no")
    assert loaded.strays() == []


def test_without_the_hardware_the_record_says_so(write_manifest: Callable[..., Path], tmp_path: Path) -> None:
    cells = record_of(write_manifest("[{target: blocks, pattern: '2:4'}, {target: blocks, sparsity: 0.5}]"), tmp_path)
    assert cells[0].semi_structured == SemiStructured(
        why_not="2:4 kernels run on an NVIDIA GPU, and this model is on none"
    )
    assert cells[1].semi_structured is None


def test_what_cannot_multiply_in_float8_is_refused_before_anything_is_done(
    write_manifest: Callable[..., Path], tmp_path: Path
) -> None:
    _, observer = run(
        write_manifest("[{target: blocks, sparsity: 0.5, precision: float8-compute}]"), tmp_path / "results"
    )
    dense, *cells = observer.records
    assert dense.status == "done" and len(cells) == 2
    assert all(cell.status == "failed" and cell.pruning is None for cell in cells)
    assert all("take float8-weights" in str(cell.error) for cell in cells)


def record_of(manifest: Path, folder: Path) -> list[Record]:
    _, observer = run(manifest, folder / "results")
    assert all(record.status == "done" for record in observer.records), [one.error for one in observer.records]
    return observer.records[1:]


def test_what_is_left_is_stored_smaller_and_held_against_the_whole(
    write_manifest: Callable[..., Path], tmp_path: Path
) -> None:
    measure = "[perplexity, memory, size]"
    grids = (
        f"[{{target: mlp, pattern: neurons, sparsity: 0.5, measure: {measure}}}, "
        f"{{target: blocks, pattern: layers, sparsity: 0.34, measure: {measure}}}, "
        f"{{target: blocks, sparsity: 0.5, measure: {measure}}}, "
        f"{{target: blocks, sparsity: 0.5, precision: [float8-weights, bfloat16], measure: {measure}}}]"
    )
    found = record_of(write_manifest(grids, models="[story-mistral-small]"), tmp_path)
    cells = {(one.experiment.pattern, one.experiment.precision): one for one in found if not one.experiment.unpruned}
    plain, float8 = cells[None, "auto"], cells[None, "float8-weights"]
    sizes = {one.size.dense_bytes for one in found if one.size}
    assert len(sizes) == 1, "all are held against the one model that was loaded"
    weights = plain.model.parameters
    for pattern in ("neurons", "layers"):
        cell = cells[pattern, "auto"]
        assert cell.size and cell.pruning and cell.memory and plain.memory
        left = 2 * round(weights * (1 - cell.pruning.model_sparsity))
        assert left <= cell.size.compressed_bytes < left + 8_000, "smaller tensors, a header, and no bitmaps"
        assert cell.memory.weights_bytes < plain.memory.weights_bytes
    assert float8.size and plain.size and float8.quantisation
    assert float8.size.compressed_bytes < plain.size.compressed_bytes
    assert cells[None, "bfloat16"].perplexity and plain.perplexity
    assert cells[None, "bfloat16"].perplexity.protocol.dtype == "bfloat16"
    assert cells[None, "bfloat16"].memory.weights_bytes < plain.memory.weights_bytes  # type: ignore[union-attr]
