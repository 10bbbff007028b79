"""A model in another precision: made anew from what is stored, rounded exactly, and bit for bit itself again after."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from suite.errors import ExperimentError
from suite.evaluation.divergence import DenseStates, Divergence
from suite.evaluation.memory import weights_bytes
from suite.evaluation.perplexity import token_losses
from suite.models.float8 import RoundedTensors, round_e4m3, rounded
from suite.models.loading import LoadedModel, load_model
from suite.models.pruned import pruned
from suite.models.source import from_catalogue, from_folder
from tests.conftest import ARCHITECTURES, HEAD, MakeModel
from tests.models.conftest import OnGpu
from tests.models.test_pruned import bits, experiment, load

DTYPES = (torch.float16, torch.bfloat16, torch.float32)
# Every magnitude of E4M3 by its definition: 4 bits of exponent (bias 7), 3 of mantissa; the last code is NaN.
MAGNITUDES = [m * 2.0**-9 if e == 0 else (8 + m) * 2.0 ** (e - 10) for e in range(16) for m in range(8)][:-1]


def nearest(value: float) -> float:
    """The nearest magnitude of E4M3, of two equally near the one with the even code; none is beyond 448."""
    distances = [abs(magnitude - value) for magnitude in MAGNITUDES]
    near = [code for code, distance in enumerate(distances) if distance == min(distances)]
    return MAGNITUDES[min(near, key=lambda code: code % 2)]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_every_16_bit_value_is_rounded_to_the_nearest_code_ties_to_even(dtype: torch.dtype) -> None:
    every = torch.arange(2**15, dtype=torch.int16).view(dtype)
    every = every[every <= 448]  # not NaN; the row's largest is 448, so its scale is 1
    found = round_e4m3(torch.stack([every, -every]))
    assert found.scales.tolist() == [[1.0], [1.0]]
    edges = torch.tensor(MAGNITUDES, dtype=torch.float64)
    wide = every.double()
    distances = (wide[:, None] - edges).abs()
    low = distances.argmin(1)
    high = len(MAGNITUDES) - 1 - distances.flip(1).argmin(1)
    wanted = edges[torch.where(low % 2 == 0, low, high)]
    assert torch.equal(found.codes[0].double(), wanted)
    assert torch.equal(found.codes[1].double(), -wanted)
    assert wanted[0] == 0 and wanted[-1] == 448 and (wanted[(wide > 0) & (wide < 2.0**-6)] < 2.0**-6 + 1e-9).all()


@given(st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=1, max_size=8))
def test_a_row_has_a_scale_of_its_own_and_its_largest_weight_is_kept(row: list[float]) -> None:
    weight = torch.tensor([row, [0.0] * len(row)])
    found = round_e4m3(weight)
    largest = np.float32(max(map(abs, row)))
    scale = np.float32(largest / np.float32(448))
    assert found.scales.tolist() == [[float(scale) or 1.0], [1.0]]
    assert found.codes.dtype == torch.float8_e4m3fn and found.codes.float().isfinite().all()
    assert (found.codes[1].float() == 0).all()
    assert ((weight != 0) | (found.values == 0)).all(), "a zero stays a zero"
    if scale > 1e-30:
        assert found.values[0].abs().max() == pytest.approx(largest, rel=1e-6)
        wanted = [nearest(abs(float(np.float32(value) / scale))) for value in row]
        assert found.codes[0].float().abs().tolist() == wanted


def test_a_row_of_the_smallest_numbers_there_are_is_saturated_and_not_lost() -> None:
    found = round_e4m3(torch.tensor([[9e-43, -5e-43, 0.0], [1e-45, 1e-45, 1e-45]]))
    assert found.codes.float().isfinite().all()
    assert found.values[0, 2] == 0 and found.values[0, 0] > 0


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_model_in_another_dtype_is_the_one_that_is_loaded_in_it(
    make_model: MakeModel, architecture: str, dtype: torch.dtype
) -> None:
    folder = make_model(architecture)
    loaded = load_model(from_folder("m", folder), "float32", "a test")
    fresh = load_model(from_folder("m", folder), str(dtype).removeprefix("torch."), "a test")
    before, tied = bits(loaded), loaded.tied
    with loaded.in_dtype(dtype):
        assert loaded.dtype_name == fresh.dtype_name and loaded.model.config.dtype == dtype
        assert loaded.tied == tied
        assert loaded.strays() == []
        there, wanted = dict(loaded.model.named_buffers()), dict(fresh.model.named_buffers())
        assert there.keys() == wanted.keys()
        assert all(torch.equal(there[name], buffer) for name, buffer in wanted.items()), "positions stay float32"
        assert torch.equal(logits(loaded), logits(fresh))
        assert weights_bytes(loaded.model) == weights_bytes(fresh.model)
    assert loaded.dtype == torch.float32 and loaded.model.config.dtype == torch.float32
    assert loaded.strays() == []
    assert all(torch.equal(tensor, before[name]) for name, tensor in bits(loaded).items())


def test_a_model_is_never_there_in_two_dtypes_at_once(make_model: MakeModel) -> None:
    loaded = load(make_model, "llama-tied")
    full, stored, held = weights_bytes(loaded.model), loaded.stored, []

    def watched(name: str) -> Tensor:
        held.append(weights_bytes(loaded.model))
        return stored(name)

    loaded.stored = watched
    with loaded.in_dtype(torch.bfloat16):
        half = weights_bytes(loaded.model)
    assert half < full and max(held) <= full
    assert len(held) == 2 * len(loaded.anatomy.parameters)


def test_a_model_leaves_a_dtype_whole_after_an_error(make_model: MakeModel) -> None:
    loaded = load(make_model, "qwen2-tied")
    with (
        pytest.raises(KeyboardInterrupt),
        loaded.in_dtype(torch.bfloat16),
        pruned(loaded, experiment(target="all", sparsity=0.5)),
    ):
        assert not loaded.tied
        raise KeyboardInterrupt
    assert loaded.tied and loaded.dtype == torch.float32
    assert loaded.strays() == []


@pytest.mark.parametrize("architecture", ["phi", "llama-tied"])
def test_a_model_in_another_dtype_is_held_against_the_dense_model_in_its_own(
    make_model: MakeModel, architecture: str
) -> None:
    loaded, states = load(make_model, architecture), DenseStates()
    token_losses(loaded.model, TOKENS, 2, observe=states)
    own = loaded.pristine_head()
    assert own is loaded.head
    with loaded.in_dtype(torch.bfloat16), pruned(loaded, experiment(target="all", sparsity=0.3)):
        if loaded.head.bias is not None:
            loaded.head.bias.data.add_(1)  # as a recovery may
        head = loaded.pristine_head()
        hidden = states.chunks[0].hidden
        assert torch.equal(head(hidden), nn.functional.linear(hidden, *dense_head(loaded)))
        divergence = Divergence(states, head)
        token_losses(loaded.model, TOKENS, 2, observe=divergence)
        agreement, kl = divergence.result()
        assert 0 < agreement < 1 and kl > 0


def dense_head(loaded: LoadedModel) -> list[Tensor]:
    bias = [] if loaded.head.bias is None else [loaded.stored("lm_head.bias").float()]
    return [loaded.stored(HEAD).float(), *bias]


TOKENS = torch.randint(0, 100, (4, 32), generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def logits(loaded: LoadedModel) -> Tensor:
    found: Tensor = loaded.model(TOKENS, use_cache=False).logits
    return found


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_linear_weights_of_the_blocks_are_rounded_and_nothing_else_is(
    make_model: MakeModel, dtype: torch.dtype
) -> None:
    loaded = load(make_model, "phi")
    with loaded.in_dtype(dtype):
        before = bits(loaded)
        with rounded(loaded, "float8-weights") as done:
            linears = {parameter.name for parameter in loaded.anatomy.block_linears}
            for name, tensor in bits(loaded).items():
                wanted = round_e4m3(loaded.stored(name)).values.to(dtype) if name in linears else before[name]
                assert torch.equal(tensor, wanted)
        assert all(torch.equal(tensor, before[name]) for name, tensor in bits(loaded).items())
    assert done.tensors == len(linears) and done.weights == loaded.anatomy.block_weights
    assert done.bytes == done.weights + 4 * sum(loaded.anatomy.by_name[name].shape[0] for name in linears)
    assert 0.01 < done.relative_error < 0.04  # 3 bits of mantissa: a step is at most an eighth, an error a sixteenth
    assert loaded.strays() == []


def test_zeros_are_counted_again_after_rounding(make_model: MakeModel) -> None:
    loaded = load(make_model, "mistral")
    with (
        pruned(loaded, experiment(target="blocks", sparsity=0.5)) as was,
        rounded(loaded, "float8-weights") as done,
    ):
        assert done.zeros_before == was.achieved.zeros
        assert done.zeros == sum(int((loaded.parameter(p.name) == 0).sum()) for p in loaded.anatomy.block_linears)
        assert done.zeros_before <= done.zeros < 0.6 * done.weights
        assert done.sparsity == done.zeros / done.weights
    assert loaded.strays() == []


def test_what_is_stored_of_a_rounded_model_gives_its_values_back(make_model: MakeModel) -> None:
    loaded = load(make_model, "qwen2")
    with rounded(loaded, "float8-weights") as done:
        tensors = RoundedTensors(loaded)
        linears = {parameter.name for parameter in loaded.anatomy.block_linears}
        for name in linears:
            values = tensors(name).float() * tensors(f"{name}.scale")
            assert torch.allclose(values, loaded.parameter(name), rtol=1e-6)
        codes = [name for name in tensors.names if name.removesuffix(".scale") in linears]
        assert len(codes) == 2 * done.tensors
        assert sum(tensors(name).nbytes for name in codes) == done.bytes
        assert all(torch.equal(tensors(name), loaded.stored(name)) for name in tensors.names - set(codes))


def test_products_in_float8_are_refused_on_a_processor_with_what_to_do_instead(make_model: MakeModel) -> None:
    loaded = load(make_model, "mistral")
    with pytest.raises(ExperimentError, match="on none; take float8-weights"), rounded(loaded, "float8-compute"):
        pass
    assert loaded.strays() == []


def test_an_older_gpu_and_a_missing_library_are_refused_by_name(
    make_model: MakeModel, on_gpu: OnGpu, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(make_model, "mistral")
    on_gpu((8, 0))
    with pytest.raises(ExperimentError, match="8.9 or newer, and this one has 8.0"), rounded(loaded, "float8-compute"):
        pass
    on_gpu((8, 9))
    monkeypatch.setitem(sys.modules, "torchao", None)
    with pytest.raises(ExperimentError, match="needs the library torchao"), rounded(loaded, "float8-compute"):
        pass
    assert loaded.strays() == []


@pytest.mark.parametrize("name", ["story-phi", "story-qwen-tied"])
def test_float8_products_take_the_place_of_the_dense_ones_and_leave_it(name: str, on_gpu: OnGpu) -> None:
    loaded = load_model(from_catalogue(name), "bfloat16", "a test")
    on_gpu((9, 0))
    dense, objects = logits(loaded), dict(loaded.model.named_parameters())
    full = weights_bytes(loaded.model)
    with pruned(loaded, experiment(target="blocks", sparsity=0.5)) as was:
        sparse = logits(loaded)
        with rounded(loaded, "float8-compute") as done:
            assert done.format == "float8-compute" and done.tensors == len(loaded.anatomy.block_linears)
            assert done.zeros_before == was.achieved.zeros <= done.zeros
            assert 0.01 < done.relative_error < 0.04
            assert weights_bytes(loaded.model) == full - 2 * done.weights + done.bytes
            linears = [objects[parameter.name] for parameter in loaded.anatomy.block_linears]
            assert all(parameter.numel() == 0 for parameter in linears), "no dense copy is held meanwhile"
            first = loaded.anatomy.block_linears[0].name
            assert RoundedTensors(loaded)(first).dtype == torch.float8_e4m3fn
            rough = (logits(loaded) - sparse).float().abs().mean() / sparse.float().abs().mean()
            assert 0 < rough < 0.1
    assert loaded.strays() == []
    assert all(parameter is objects[key] for key, parameter in loaded.model.named_parameters())
    assert torch.equal(logits(loaded), dense)


def test_a_shape_that_cannot_be_multiplied_in_float8_is_named(make_model: MakeModel, on_gpu: OnGpu) -> None:
    loaded = load(make_model, "mistral")  # 24 inner neurons
    on_gpu((9, 0))
    with (
        pytest.raises(ExperimentError, match=r"mlp.down_proj.weight \(16 x 24\): its sides are no multiples of 16"),
        loaded.in_dtype(torch.bfloat16),
        rounded(loaded, "float8-compute"),
    ):
        pass
    assert loaded.strays() == []


@pytest.mark.parametrize("sparsity", [0.0, 0.5])
def test_the_codes_are_the_same_whatever_dtype_the_hardware_chose(make_model: MakeModel, sparsity: float) -> None:
    """By the checkpoint's float16 values: a cast to bfloat16 before would round twice."""
    loaded, digests = load(make_model, "mistral"), set()
    for dtype in DTYPES:
        with (
            loaded.in_dtype(dtype),
            pruned(loaded, experiment(target="blocks", sparsity=sparsity)),
            rounded(loaded, "float8-weights") as done,
        ):
            digests.add(done.digest)
        assert loaded.strays() == []
    assert len(digests) == 1
