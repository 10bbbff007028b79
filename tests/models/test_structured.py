"""Neurons and layers are really taken out: what is left computes what the whole model would without them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from suite.errors import ExperimentError
from suite.evaluation.generation import greedy
from suite.evaluation.memory import weights_bytes
from suite.evaluation.perplexity import token_losses
from suite.models.float8 import rounded
from suite.models.loading import LoadedModel
from suite.models.structured import structurally_pruned
from suite.pruning.masks import mask_digest
from suite.records.experiment import Experiment
from tests.conftest import ARCHITECTURES, MakeModel
from tests.models.test_pruned import bits, experiment, load

LAYERS, INNER = 3, 24  # of the models that tests make
CRITERIA = ("magnitude", "random", "wanda")


def neurons(**fields: object) -> Experiment:
    return experiment(**{"target": "mlp", "pattern": "neurons", "sparsity": 0.5, "seed": 7, **fields})


def layers(**fields: object) -> Experiment:
    return experiment(**{"target": "blocks", "pattern": "layers", "sparsity": 0.34, "seed": 7, **fields})


def tokens(count: int = 4, seed: int = 0) -> Tensor:
    return torch.randint(0, 100, (count, 32), generator=torch.Generator().manual_seed(seed))


def calibration(asked: Experiment) -> Tensor | None:
    return tokens(seed=1) if asked.criterion == "wanda" else None


def losses(loaded: LoadedModel) -> np.ndarray:
    return token_losses(loaded.model, tokens(), batch_size=2)


@contextmanager
def without(loaded: LoadedModel, masks: dict[str, np.ndarray], skipped: list[int]) -> Iterator[None]:
    """The whole model with the masked weights at zero, biases of neurons without weights too, and layers passed by."""
    names = list(masks)
    with ExitStack() as stack:
        stack.callback(loaded.restore, [parameter.name for parameter in loaded.anatomy.parameters])
        for name in names:
            weight = loaded.parameter(name).data
            kept = torch.from_numpy(np.unpackbits(masks[name], count=weight.numel())).view_as(weight).bool()
            weight.masked_fill_(~kept, 0)
            bias = name.removesuffix("weight") + "bias"
            if loaded.anatomy.by_name[name].part == "up" and bias in loaded.anatomy.by_name:
                loaded.parameter(bias).data.masked_fill_(~kept.any(1), 0)
        for layer in skipped:
            block = loaded.model.base_model.layers[layer]

            def passed(_: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Tensor], output: object) -> object:
                entered = args[0] if args else kwargs["hidden_states"]
                return (entered, *output[1:]) if isinstance(output, tuple) else entered

            stack.callback(block.register_forward_hook(passed, with_kwargs=True).remove)
        yield


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_model_without_neurons_is_the_whole_one_with_them_at_zero(
    make_model: MakeModel, architecture: str, criterion: str
) -> None:
    loaded = load(make_model, architecture)
    before, dense, asked = bits(loaded), losses(loaded), neurons(criterion=criterion)
    with structurally_pruned(loaded, asked, calibration(asked)) as done:
        smaller = losses(loaded)
        assert loaded.anatomy.inner == loaded.model.config.intermediate_size == INNER // 2
        assert loaded.strays() == []
        assert weights_bytes(loaded.model) < sum(tensor.nbytes for tensor in before.values())
    assert loaded.strays() == []
    assert bits(loaded).keys() == before.keys()
    assert all(torch.equal(tensor, before[name]) for name, tensor in bits(loaded).items())
    assert np.array_equal(losses(loaded), dense)
    assert not np.allclose(smaller, dense, atol=1e-3)
    with without(loaded, done.masks, []):
        assert np.allclose(losses(loaded), smaller, atol=2e-5)


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_model_without_a_layer_is_the_whole_one_that_passes_it_by(
    make_model: MakeModel, architecture: str, criterion: str
) -> None:
    loaded = load(make_model, architecture)
    before, dense, asked = bits(loaded), losses(loaded), layers(criterion=criterion)
    with structurally_pruned(loaded, asked, calibration(asked)) as done:
        smaller = losses(loaded)
        assert loaded.anatomy.layers == loaded.model.config.num_hidden_layers == LAYERS - 1
        assert len(getattr(loaded.model.config, "layer_types", None) or range(LAYERS - 1)) == LAYERS - 1
        assert {p.name for p in loaded.anatomy.parameters} == dict(loaded.model.named_parameters()).keys()
        assert loaded.strays() == []
    gone = sorted(
        {loaded.anatomy.by_name[name].layer for name, count in done.achieved.per_tensor.items() if count.zeros}
    )
    assert len(gone) == 1
    assert loaded.strays() == []
    assert all(torch.equal(tensor, before[name]) for name, tensor in bits(loaded).items())
    assert np.array_equal(losses(loaded), dense)
    assert not np.allclose(smaller, dense, atol=1e-3)
    with without(loaded, {}, gone):
        assert np.allclose(losses(loaded), smaller, atol=2e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_cache_makes_no_difference_to_what_the_smaller_model_writes(make_model: MakeModel, architecture: str) -> None:
    loaded = load(make_model, architecture)
    for asked in (layers(sparsity=0.67), neurons()):
        with structurally_pruned(loaded, asked):
            prompt = tokens(1)[:, :8]
            written, _, _ = greedy(loaded.model, prompt, 6)
            for _ in range(6):
                logits = loaded.model(prompt, use_cache=False).logits
                prompt = torch.cat([prompt, logits[:, -1].argmax(-1, keepdim=True)], dim=1)
            assert torch.equal(written, prompt[:, 8:])


def test_what_is_counted_is_what_went_and_is_on_the_axes_of_any_pruning(make_model: MakeModel) -> None:
    loaded = load(make_model, "phi")
    whole = loaded.anatomy
    with structurally_pruned(loaded, neurons()) as done:
        of_mlp = sum(p.weights for p in whole.parameters if p.part in ("up", "down"))
        assert done.achieved.zeros == of_mlp // 2
        assert done.achieved.weights == of_mlp
        assert done.achieved.model_sparsity == 1 - loaded.anatomy.weights / whole.weights  # the biases of fc1 too
        assert done.achieved.mask_digest == mask_digest(done.masks)
    with structurally_pruned(loaded, layers()) as done:
        assert done.achieved.weights == whole.block_weights
        assert done.achieved.zeros == whole.block_weights // LAYERS
        assert done.achieved.compression_ratio == whole.weights / loaded.anatomy.weights  # norms and biases too
        assert sum(parameter.numel() for parameter in loaded.model.parameters()) == loaded.anatomy.weights


def test_the_least_neurons_of_each_layer_go_by_the_norm_of_all_their_weights(make_model: MakeModel) -> None:
    loaded = load(make_model, "mistral")
    with structurally_pruned(loaded, neurons(layers="1")) as done:
        pass
    mlp = "model.layers.1.mlp"
    gate, up, down = (loaded.stored(f"{mlp}.{part}_proj.weight").double() for part in ("gate", "up", "down"))
    norms = (gate.square().sum(1) + up.square().sum(1) + down.square().sum(0)).sqrt()
    least = norms.argsort()[: INNER // 2].sort().values
    kept = np.unpackbits(done.masks[f"{mlp}.gate_proj.weight"]).reshape(INNER, -1)
    assert np.flatnonzero(kept.sum(1) == 0).tolist() == least.tolist()
    assert set(done.masks) == {f"{mlp}.{part}_proj.weight" for part in ("gate", "up", "down")}


@pytest.mark.parametrize("ask", [neurons, layers])
def test_what_goes_at_random_is_decided_by_the_seed_alone(
    make_model: MakeModel, ask: Callable[..., Experiment]
) -> None:
    digests = []
    for seed, dtype in ((1, torch.float32), (1, torch.bfloat16), (2, torch.float32)):
        loaded = load(make_model, "mistral", dtype)
        with structurally_pruned(loaded, ask(criterion="random", seed=seed)) as done:
            digests.append(done.achieved.mask_digest)
    assert digests[0] == digests[1] != digests[2]


def test_layers_of_unequal_width_are_a_model_too(make_model: MakeModel) -> None:
    loaded = load(make_model, "qwen2")
    with structurally_pruned(loaded, neurons(layers="0-1")):
        assert loaded.model.config.intermediate_size == INNER
        assert [p.shape[1] for p in loaded.anatomy.parameters if p.part == "down"] == [INNER // 2, INNER // 2, INNER]
        assert np.isfinite(losses(loaded)).all()
    assert loaded.strays() == []


def test_only_layers_of_the_target_go(make_model: MakeModel) -> None:
    loaded = load(make_model, "mistral")
    with structurally_pruned(loaded, layers(target="late", sparsity=0.5)) as done:
        assert all(".layers.0." not in name for name in done.masks)
        assert loaded.anatomy.layers == LAYERS - 1


def test_a_model_is_never_left_without_layers(make_model: MakeModel) -> None:
    loaded = load(make_model, "mistral")
    with (
        pytest.raises(ExperimentError, match="all 3 layers would go"),
        structurally_pruned(loaded, layers(sparsity=0.9)),
    ):
        pass
    assert loaded.strays() == []


@pytest.mark.parametrize("asked", [neurons(), layers()])
def test_an_error_inside_leaves_the_model_whole(make_model: MakeModel, asked: Experiment) -> None:
    loaded = load(make_model, "qwen2-tied")
    with pytest.raises(KeyboardInterrupt), structurally_pruned(loaded, asked):
        raise KeyboardInterrupt
    assert loaded.strays() == []
    assert loaded.model.config.num_hidden_layers == LAYERS
    indices = [block.self_attn.layer_idx for block in loaded.model.base_model.layers]
    assert all(later - earlier == 1 for earlier, later in pairwise(indices))


def test_what_is_out_is_held_nowhere(make_model: MakeModel) -> None:
    loaded = load(make_model, "mistral")
    held = dict(loaded.model.named_parameters())
    with structurally_pruned(loaded, layers()):
        there = set(loaded.model.parameters())
        assert all(parameter.numel() == 0 for parameter in held.values() if parameter not in there)
        assert sum(parameter.nbytes for parameter in held.values()) == weights_bytes(loaded.model) - sum(
            buffer.nbytes for buffer in loaded.model.buffers()
        )


def test_a_smaller_model_runs_in_another_dtype_and_rounded(make_model: MakeModel) -> None:
    loaded = load(make_model, "phi")
    before = bits(loaded)
    with (
        loaded.in_dtype(torch.bfloat16),
        structurally_pruned(loaded, layers()),
        rounded(loaded, "float8-weights") as done,
    ):
        assert done.tensors == len(loaded.anatomy.block_linears) == 6 * (LAYERS - 1)
        assert np.isfinite(losses(loaded)).all()
    assert loaded.strays() == []
    assert all(torch.equal(tensor, before[name]) for name, tensor in bits(loaded).items())
