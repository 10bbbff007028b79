"""Experts are pruned matrix by matrix, by what each of them is fed; held against plain loops over tokens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suite.errors import ExperimentError
from suite.models.calibration import LayerInputs
from suite.models.loading import LoadedModel, load_model
from suite.models.matrices import matrices
from suite.models.pruned import pruned
from suite.models.source import from_folder
from suite.models.statistics import gram
from suite.pruning.masks import survives
from tests.models import families
from tests.models.test_families import CALIBRATION, asked

FAMILIES = ("mixtral", "qwen3_moe", "olmoe", "gpt_oss")


@pytest.fixture(scope="module", params=FAMILIES)
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadedModel]:
    folder = families.write(tmp_path_factory.mktemp("models") / request.param, request.param)
    found = load_model(from_folder(request.param, folder), "float32", "a test")
    yield found
    found.close()


def routed(loaded: LoadedModel, layer: int) -> list[tuple[Tensor, Tensor]]:
    """What the experts of a block are called with: states [tokens, width] and the experts of each token."""
    calls: list[tuple[Tensor, Tensor]] = []
    experts = loaded.blocks[layer].get_submodule("mlp.experts")

    def note(_: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Tensor]) -> None:
        states, chosen, *_rest = [*args, *kwargs.values()]
        calls.append((states, chosen))

    hook = experts.register_forward_pre_hook(note, with_kwargs=True)
    with torch.inference_mode():
        for sample in CALIBRATION:
            loaded.model(sample[None], use_cache=False)
    hook.remove()
    return calls


def fed(loaded: LoadedModel, layer: int) -> dict[str, list[Tensor]]:
    """The inputs of each expert's matrices, token by token, by the formula of its family."""
    place = f"{loaded.anatomy.places.blocks}.{layer}.mlp.experts"
    found: dict[str, list[Tensor]] = {}
    experts: Any = loaded.blocks[layer].get_submodule("mlp.experts")
    for states, chosen in routed(loaded, layer):
        for state, mine in zip(states, chosen.tolist(), strict=True):
            for expert in mine:
                gate_up = experts.gate_up_proj[expert]
                if loaded.source.name == "gpt_oss":
                    made = state @ gate_up + experts.gate_up_proj_bias[expert]
                    gate, up = made[::2].clamp(max=experts.limit), made[1::2].clamp(-experts.limit, experts.limit)
                    inner = (up + 1) * gate * torch.sigmoid(gate * experts.alpha)
                else:
                    gate, up = (gate_up @ state).chunk(2)
                    inner = nn.functional.silu(gate) * up
                found.setdefault(f"{place}.gate_up_proj[{expert}]", []).append(state)
                found.setdefault(f"{place}.down_proj[{expert}]", []).append(inner)
    return found


def test_each_expert_is_known_by_what_it_is_fed(loaded: LoadedModel) -> None:
    wanted = tuple(p for p in loaded.anatomy.block_linears if p.layer == 0 and p.matrices > 1)
    with torch.inference_mode():
        inputs, plain = LayerInputs(loaded, CALIBRATION, gram, wanted), fed(loaded, 0)
        for parameter in wanted:
            for name in parameter.matrix_names:
                found = inputs(name)
                if name not in plain:
                    assert found is None
                    continue
                rows = torch.stack(plain[name])
                assert torch.allclose(found, rows.T @ rows, rtol=1e-4, atol=1e-5), name


def test_wanda_scores_each_expert_by_its_own_tokens(loaded: LoadedModel) -> None:
    with torch.inference_mode():
        plain = fed(loaded, 0)
    before = {p.name: loaded.stored(p.name) for p in loaded.anatomy.block_linears}
    with pruned(loaded, asked("wanda", target="mlp", layers="0", scope="row"), CALIBRATION) as done:
        for parameter in loaded.anatomy.select("mlp", layers="0"):
            alive = torch.from_numpy(survives(done.masks[parameter.name], parameter.weights)).view(parameter.shape)
            stacks = zip(
                parameter.matrix_names,
                matrices(before[parameter.name], parameter),
                matrices(alive, parameter),
                strict=True,
            )
            for name, weight, kept in stacks:
                norms = torch.stack(plain[name]).norm(dim=0) if name in plain else torch.ones(parameter.inputs)
                scores = weight.abs() * norms
                goes = round(0.5 * parameter.inputs)
                assert (kept == (scores >= scores.sort(1).values[:, goes : goes + 1])).all(), name


@pytest.mark.parametrize("criterion", ["wanda", "sparsegpt"])
def test_an_expert_that_sees_no_token_loses_its_smallest_weights_and_is_counted(tmp_path: Path, criterion: str) -> None:
    loaded = load_model(from_folder("m", families.write(tmp_path / "m", "gpt_oss")), "float32", "a test")
    for layer in range(families.LAYERS):
        loaded.blocks[layer].get_submodule("mlp.router").get_parameter("bias").data[2] = -1e6
    with pruned(loaded, asked(criterion, target="mlp"), CALIBRATION) as done:
        assert done.achieved.unseen_experts == families.LAYERS
        for parameter in loaded.anatomy.select("mlp"):
            found = matrices(loaded.parameter(parameter.name), parameter)[2]
            stored = matrices(loaded.stored(parameter.name), parameter)[2]
            bound = stored.abs().flatten().kthvalue(round(0.5 * stored.numel())).values
            assert torch.equal(found, stored.where(stored.abs() > bound, torch.zeros(())))
    with pruned(loaded, asked("magnitude", target="mlp")) as plain:
        assert plain.achieved.unseen_experts == 0


def test_each_expert_loses_as_much(loaded: LoadedModel) -> None:
    with pruned(loaded, asked(target="mlp", sparsity=0.3)) as done:
        for parameter in loaded.anatomy.select("mlp"):
            for matrix in matrices(loaded.parameter(parameter.name), parameter):
                assert int((matrix == 0).sum()) == round(0.3 * matrix.numel())
        assert done.achieved.zeros == sum(count.zeros for count in done.achieved.per_tensor.values())


def test_a_token_is_multiplied_with_the_experts_it_meets(loaded: LoadedModel) -> None:
    anatomy, config = loaded.anatomy, loaded.model.config
    experts = [parameter for parameter in anatomy.block_linears if parameter.matrices > 1]
    whole = sum(parameter.weights for parameter in experts)
    met = whole // experts[0].matrices * config.num_experts_per_tok
    assert anatomy.running_weights == anatomy.block_weights - whole + met
    with pruned(loaded, asked(target="blocks")) as done:
        head = anatomy.head.weights
        left = anatomy.running_weights / 2 + head
        assert done.achieved.theoretical_speedup == pytest.approx((anatomy.running_weights + head) / left)


def test_experts_that_do_not_go_by_the_interface_are_told(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suite.models.experts.INTERFACE", ("a_thing_that_none_has",))
    with (
        pytest.raises(ExperimentError, match="do not go by transformers' expert interface"),
        pruned(loaded, asked("wanda", target="mlp"), CALIBRATION),
    ):
        pass
    assert loaded.strays() == []
