"""2:4 kernels take the place of pruned weights where the hardware has them, and say why not elsewhere."""

from __future__ import annotations

import pytest
import torch

from suite.errors import ExperimentError
from suite.evaluation.memory import weights_bytes
from suite.models.float8 import rounded
from suite.models.loading import LoadedModel, load_model
from suite.models.pruned import pruned
from suite.models.semi_structured import on_sparse_kernels, why_not
from suite.models.source import from_catalogue
from tests.models.conftest import OnGpu
from tests.models.test_precision import logits
from tests.models.test_pruned import bits, experiment
from tests.sparse import Sparse, ampere


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU that has 2:4 kernels."""
    ampere(monkeypatch)


def load(name: str = "story-mistral-small", dtype: str = "bfloat16") -> LoadedModel:
    return load_model(from_catalogue(name), dtype, "a test")


TWO_OF_FOUR = experiment(target="blocks", pattern="2:4", sparsity=0.5)


@pytest.mark.parametrize("name", ["story-phi", "story-qwen-tied"])
def test_the_pruned_layers_run_on_the_kernels_and_compute_what_they_did(name: str, kernels: None) -> None:
    loaded = load(name)
    with pruned(loaded, TWO_OF_FOUR) as done:
        assert why_not(loaded, done.masks) is None
        before, on_dense, full = bits(loaded), logits(loaded), weights_bytes(loaded.model)
        objects = dict(loaded.model.named_parameters())
        with on_sparse_kernels(loaded, done.masks) as packed:
            assert (packed.layers, packed.kernel) == (len(loaded.anatomy.block_linears), "fake")
            assert Sparse.products == 0
            assert torch.equal(logits(loaded), on_dense)
            assert Sparse.products >= packed.layers
            assert all(objects[name].numel() == 0 for name in done.masks), "no dense copy beside the sparse one"
            halves = loaded.anatomy.block_weights // 2
            assert weights_bytes(loaded.model) == full - halves * 2 + halves  # the fake's places are a byte each
        assert all(parameter is objects[key] for key, parameter in loaded.model.named_parameters())
        assert all(torch.equal(tensor, before[name]) for name, tensor in bits(loaded).items())
    assert loaded.strays() == []


def test_a_layer_that_the_kernels_do_not_take_stays_dense(kernels: None) -> None:
    loaded = load("story-qwen-tied")
    narrow = [p.name for p in loaded.anatomy.block_linears if p.shape[0] < 32]
    wide = [p.name for p in loaded.anatomy.block_linears if p.shape[0] >= 32]
    with pruned(loaded, TWO_OF_FOUR):
        with on_sparse_kernels(loaded, [*narrow, *wide]) as packed:
            assert packed.layers == len(wide)
        loaded.parameter(wide[0]).data = loaded.parameter(wide[0]).data[:16]
        with (
            pytest.raises(ExperimentError, match=r"\(16, .* is not supported"),
            on_sparse_kernels(loaded, wide[:1]),
        ):
            pass
        loaded.remake(wide[0])
    assert loaded.strays() == []


def test_an_embedding_is_no_product_and_stays_dense(kernels: None) -> None:
    loaded = load("story-qwen-tied")
    table = loaded.anatomy.embeddings.name
    assert why_not(loaded, [table]) == "2:4 kernels multiply matrices, and no linear layer is pruned"


def test_weights_that_are_not_pruned_for_the_kernels_are_never_given_to_them(kernels: None) -> None:
    loaded = load()
    name = loaded.anatomy.block_linears[0].name
    with pytest.raises(ExperimentError, match="more than two are left"), on_sparse_kernels(loaded, [name]):
        pass
    assert loaded.strays() == []


def test_an_error_on_the_kernels_leaves_the_pruned_model_as_it_was(kernels: None) -> None:
    loaded = load()
    with pruned(loaded, TWO_OF_FOUR) as done:
        before = bits(loaded)
        with pytest.raises(KeyboardInterrupt), on_sparse_kernels(loaded, done.masks):
            raise KeyboardInterrupt
        assert all(torch.equal(tensor, before[name]) for name, tensor in bits(loaded).items())
    assert loaded.strays() == []


def test_what_cannot_run_on_the_kernels_has_its_reason(on_gpu: OnGpu) -> None:
    loaded = load()
    names = [parameter.name for parameter in loaded.anatomy.block_linears]
    assert why_not(loaded, names) == "2:4 kernels run on an NVIDIA GPU, and this model is on none"
    on_gpu((7, 5))
    assert why_not(loaded, names) == ("2:4 kernels need a GPU of compute capability 8.0 or newer, and this one has 7.5")
    on_gpu((9, 0))
    with loaded.in_dtype(torch.float32):
        assert why_not(loaded, names) == ("2:4 kernels multiply in float16 or bfloat16, and the model runs in float32")
    with rounded(loaded, "float8-compute"):
        assert "multiply in float8 already" in str(why_not(loaded, names))
    assert why_not(loaded, names) is None
