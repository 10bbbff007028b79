"""Blocks are known by how much they change what goes through them, experts by what they give their tokens."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity
from transformers import AutoModelForCausalLM

from suite.errors import ExperimentError
from suite.models.experts import expert_outputs
from suite.models.export import save
from suite.models.influence import block_influence, expert_influence
from suite.models.loading import LoadedModel, load_model
from suite.models.pruned import pruned
from suite.models.source import from_folder
from suite.models.structured import structurally_pruned
from tests.conftest import ARCHITECTURES, MakeModel
from tests.models import families
from tests.models.test_pruned import experiment, load

TOKENS = torch.randint(5, 60, (5, 24), generator=torch.Generator().manual_seed(0))
LAYERS = {"target": "blocks", "pattern": "layers"}
EXPERTS = {"target": "mlp", "pattern": "experts"}


@torch.inference_mode()
def between(loaded: LoadedModel) -> list[Tensor]:
    """What goes into the first block, and what comes out of each before the model's norm, [samples, context, width]."""
    seen: list[list[Tensor]] = [[] for _ in range(len(loaded.blocks) + 1)]
    for layer, block in enumerate(loaded.blocks):
        block.register_forward_pre_hook(lambda _, args, layer=layer: seen[layer].append(args[0]))
    last = loaded.blocks[-1].register_forward_hook(
        lambda _, __, out: seen[-1].append(out[0] if isinstance(out, tuple) else out)
    )
    for sample in TOKENS:
        loaded.model.base_model(sample[None], use_cache=False)
    last.remove()
    return [torch.cat(states) for states in seen]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_block_s_influence_is_how_far_it_turns_its_tokens(make_model: MakeModel, architecture: str) -> None:
    found = block_influence(load(make_model, architecture), TOKENS)
    states = between(load(make_model, architecture))
    expected = [float((1 - cosine_similarity(x.double(), y.double(), dim=-1)).mean()) for x, y in pairwise(states)]
    assert found == pytest.approx(expected, rel=1e-5)
    assert all(0 < one < 2 for one in found)


def test_the_layers_of_least_influence_go(make_model: MakeModel) -> None:
    loaded = load(make_model, "mistral")
    with torch.no_grad():  # the second block hardly does anything
        for name in ("self_attn.o_proj", "mlp.down_proj"):
            loaded.parameter(f"model.layers.1.{name}.weight").mul_(1e-3)
    with structurally_pruned(loaded, experiment(criterion="block-influence", sparsity=0.34, **LAYERS), TOKENS) as done:
        gone = {loaded.source.anatomy.by_name[n].layer for n, count in done.achieved.per_tensor.items() if count.zeros}
    assert gone == {1}


def test_a_block_of_less_influence_loses_more_and_the_total_is_kept(make_model: MakeModel) -> None:
    loaded = load(make_model, "llama-tied")
    influence = block_influence(loaded, TOKENS)
    for criterion in ("magnitude", "ria", "admm"):
        asked = experiment(criterion=criterion, target="blocks", allocation="block-influence", sparsity=0.53)
        with pruned(loaded, asked, TOKENS) as done:
            shares: dict[int | None, float] = {}
            for name, count in done.achieved.per_tensor.items():
                shares[loaded.anatomy.by_name[name].layer] = count.zeros / count.weights
            assert done.achieved.zeros == round(0.53 * loaded.anatomy.block_weights)
        order = sorted(range(len(influence)), key=lambda layer: influence[layer])
        assert shares[order[0]] > shares[order[-1]] + 0.1
        assert all(shares[a] >= shares[b] - 0.01 for a, b in pairwise(order))
    with pruned(loaded, experiment(target="all", allocation="block-influence", sparsity=0.5, tied="skip"), TOKENS):
        pass
    assert loaded.strays() == []


@pytest.fixture(params=families.MIXED)
def mixed(request: pytest.FixtureRequest, tmp_path: Path) -> LoadedModel:
    return load_model(from_folder(request.param, families.write(tmp_path / "m", request.param)), "float32", "a test")


def of_layer(loaded: LoadedModel, layer: int) -> dict[int, list]:
    return {layer: [p for p in loaded.anatomy.select("mlp", layers=str(layer)) if p.stacked]}


@torch.inference_mode()
def test_what_experts_give_their_tokens_weighted_and_summed_is_what_the_model_makes_of_it(mixed: LoadedModel) -> None:
    module, seen = mixed.layer(of_layer(mixed, 0)[0][0].name), []
    hook = module.register_forward_hook(lambda m, args, kwargs, out: seen.append((args, kwargs, out)), with_kwargs=True)
    mixed.model(TOKENS[:1], use_cache=False)
    hook.remove()
    ((args, kwargs, out),) = seen
    chosen = next(one for one in (*args, *kwargs.values()) if not one.is_floating_point())
    total = torch.zeros_like(out)
    for expert, weights, outputs in expert_outputs(module, 99, args, kwargs):
        token = torch.nonzero(chosen == expert)[:, 0]
        total.index_add_(0, token, weights[:, None] * outputs)
    assert torch.allclose(total, out, atol=1e-5)


@torch.inference_mode()
def test_an_expert_s_influence_is_the_mean_over_its_own_tokens(mixed: LoadedModel) -> None:
    stacks = of_layer(mixed, 1)
    module, each = mixed.layer(stacks[1][0].name), {}
    hook = module.register_forward_pre_hook(
        lambda m, args, kwargs: (
            [
                each.setdefault(expert, []).append(weights * outputs.norm(dim=1))
                for expert, weights, outputs in expert_outputs(m, 99, args, kwargs)
            ]
            and None
        ),
        with_kwargs=True,
    )
    found = expert_influence(mixed, TOKENS, stacks)[1]
    hook.remove()
    assert found.tolist() == [
        pytest.approx(float(torch.cat(each[expert]).mean()) if expert in each else 0, rel=1e-5)
        for expert in range(stacks[1][0].matrices)
    ]


@pytest.mark.parametrize("criterion", ["reap", "magnitude", "wanda", "random"])
def test_a_model_without_experts_is_one_that_transformers_loads(
    mixed: LoadedModel, tmp_path: Path, criterion: str
) -> None:
    whole, experts = mixed.anatomy, of_layer(mixed, 0)[0][0].matrices
    before = {name: tensor.clone() for name, tensor in mixed.model.state_dict().items()}
    shown = TOKENS if criterion in ("reap", "wanda") else None
    asked = experiment(criterion=criterion, sparsity=0.5, seed=3, **EXPERTS)
    with structurally_pruned(mixed, asked, shown) as done:
        logits = mixed.model(TOKENS, use_cache=False).logits
        assert sum(parameter.numel() for parameter in mixed.model.parameters()) == mixed.anatomy.weights
        assert mixed.strays() == []
        (tmp_path / "out").mkdir()
        save(tmp_path / "out", mixed, {}, compressed=False)
        again = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32)
        assert torch.allclose(again(TOKENS, use_cache=False).logits, logits, atol=1e-5)
        of_each = {p.shape[0] for p in mixed.anatomy.parameters if p.stacked or p.part == "router"}
        assert of_each == {experts // 2}
    for name, count in done.achieved.per_tensor.items():
        assert count.zeros == (count.weights // 2 if whole.by_name[name].stacked else 0)
    assert mixed.anatomy is whole and mixed.strays() == []
    assert all(torch.equal(tensor, before[name]) for name, tensor in mixed.model.state_dict().items())


def test_the_experts_of_least_influence_go(mixed: LoadedModel) -> None:
    influence = expert_influence(mixed, TOKENS, of_layer(mixed, 0))[0]
    with structurally_pruned(mixed, experiment(criterion="reap", sparsity=0.5, **EXPERTS), TOKENS) as done:
        stack = of_layer_of(done.masks, mixed)
    least = set(influence.argsort()[: len(influence) // 2].tolist())
    assert {expert for expert, alive in enumerate(stack) if not alive} == least


def of_layer_of(masks: dict, loaded: LoadedModel) -> list[bool]:
    """Whether each expert of the first layer is still there."""
    parameter = next(p for p in loaded.source.anatomy.parameters if p.stacked and p.layer == 0)
    alive = np.unpackbits(masks[parameter.name], count=parameter.weights).reshape(parameter.matrices, -1)
    return [bool(one.all()) for one in alive]


def test_as_many_experts_stay_as_a_token_goes_to(mixed: LoadedModel) -> None:
    with (
        pytest.raises(ExperimentError, match="experts would be left in layer 0, and a token goes to 2; ask for less"),
        structurally_pruned(mixed, experiment(criterion="reap", sparsity=0.9, **EXPERTS), TOKENS),
    ):
        pass
    assert mixed.strays() == []
