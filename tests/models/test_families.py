"""Every family is pruned, measured, restored and exported as any other: tiny random models of twenty-six of them.

One model a family is written and loaded, and all exports are read again by plain transformers in one other process.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.pytorch_utils import Conv1D

from suite.errors import InputError
from suite.evaluation.blocks import HeadInBlocks
from suite.evaluation.divergence import DenseStates, Divergence
from suite.evaluation.perplexity import token_losses
from suite.evaluation.prefix import DensePrefix
from suite.models.export import save
from suite.models.float8 import RoundedTensors, rounded
from suite.models.loading import LoadedModel, load_model
from suite.models.matrices import matrices
from suite.models.pruned import pruned
from suite.models.source import from_folder
from suite.models.structured import structurally_pruned
from suite.pruning.criteria import CRITERIA
from suite.records import Experiment
from suite.records.experiment import TextReference
from tests.models import families
from tests.models.families import FAMILIES, LAYERS, MIXED

TEXT = TextReference(name="t", revision="0", join="")
TOKENS = torch.randint(0, 100, (4, 32), generator=torch.Generator().manual_seed(0))
CALIBRATION = torch.randint(0, 100, (3, 16), generator=torch.Generator().manual_seed(1))
PLAIN = ("gemma2", "gpt_oss", "bloom", "mpt")  # whose classes declare no other attention than plain products
WITHOUT_WIDTH = ("bloom", "mpt")  # whose configurations have no name for the inner width of their MLPs

Exports = dict[str, float]  # a directory, and the mean loss of what was exported there


def asked(criterion: str = "magnitude", **fields: object) -> Experiment:
    shared = {"model": "m", "revision": "0", "sparsity": 0.5, "text": TEXT, "context": 32}
    seed = {"seed": 0} if criterion == "random" else {}
    return Experiment.model_validate({**shared, "criterion": criterion, "target": "all", **seed, **fields})


def shown(criterion: str) -> Tensor | None:
    return CALIBRATION if CRITERIA[criterion].calibrated else None


def loss(loaded: LoadedModel) -> float:
    return float(token_losses(loaded.model, TOKENS, 2).mean())


@pytest.fixture(scope="module")
def exports() -> Exports:
    return {}


@pytest.fixture(scope="module", params=FAMILIES)
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadedModel]:
    folder = families.write(tmp_path_factory.mktemp("models") / request.param, request.param)
    found = load_model(from_folder(request.param, folder), "float32", "a test")
    yield found
    found.close()


def test_every_parameter_is_in_one_part_and_every_matrix_of_a_block_may_be_pruned(loaded: LoadedModel) -> None:
    anatomy, model = loaded.anatomy, loaded.model
    assert {p.name: p.shape for p in anatomy.parameters} == {n: tuple(p.shape) for n, p in model.named_parameters()}
    assert anatomy.weights == sum(parameter.numel() for parameter in model.parameters())
    linears = {name for name, module in model.named_modules() if isinstance(module, nn.Linear | Conv1D)}
    experts = {name for name, parameter in model.named_parameters() if parameter.dim() == 3}
    chosen = {parameter.name for parameter in anatomy.select("all")}
    assert chosen == {f"{name}.weight" for name in linears} | experts
    assert not any(parameter.part == "other" for parameter in anatomy.parameters)
    assert {parameter.layer for parameter in anatomy.block_linears} == set(range(LAYERS))
    assert bool(experts) == (loaded.source.name in MIXED)


GATED, PLAIN_MLP = {"q", "k", "v", "o", "gate", "up", "down"}, {"q", "k", "v", "o", "up", "down"}
FUSED_QKV, WITH_EXPERTS = {"qkv", "o", "up", "down"}, {"q", "k", "v", "o", "gate_up", "down"}
PARTS = {
    **dict.fromkeys(("phi", "starcoder2", "opt"), PLAIN_MLP),
    **dict.fromkeys(("gpt2", "gpt_neox", "bloom", "falcon", "mpt"), FUSED_QKV),
    **dict.fromkeys(MIXED, WITH_EXPERTS),
    "phi3": {"qkv", "o", "gate_up", "down"},
}


def test_the_names_of_the_field_are_told(loaded: LoadedModel) -> None:
    assert {parameter.part for parameter in loaded.anatomy.block_linears} == PARTS.get(loaded.source.name, GATED)
    of = {part: [p for p in loaded.anatomy.block_linears if p.part == part] for part in ("o", "down")}
    for out in (*of["o"], *of["down"]):
        assert out.outputs == loaded.anatomy.hidden
    spared = {p.part for p in loaded.anatomy.parameters} - PARTS.get(loaded.source.name, GATED)
    assert spared <= {"embeddings", "lm_head", "norm", "bias", "positions", "router", "sinks"}


def test_matrices_are_seen_as_outputs_by_inputs(loaded: LoadedModel) -> None:
    """A product with each matrix of a block is what its layer gives."""
    for parameter in loaded.anatomy.block_linears:
        module, width = loaded.layer(parameter.name), parameter.inputs
        (first, *_) = matrices(loaded.parameter(parameter.name), parameter)
        assert first.shape == (parameter.outputs, parameter.inputs)
        if isinstance(module, nn.Linear | Conv1D):
            fed = torch.randn(3, width)
            ours = functional.linear(fed, first, module.bias)
            assert torch.allclose(ours, module(fed), atol=1e-5)


def test_losses_are_those_of_the_classs_own_forward(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.inference_mode():
        logits = loaded.model(TOKENS, use_cache=False).logits[:, :-1].double()
    own = functional.cross_entropy(logits.flatten(0, 1), TOKENS[:, 1:].flatten(), reduction="none").numpy()
    assert np.abs(token_losses(loaded.model, TOKENS, 2).ravel() - own).max() < 1e-6
    for user in ("suite.evaluation.blocks", "suite.models.logits"):  # as if nobody knew what the class does
        monkeypatch.setattr(f"{user}.rule_of", lambda model: None)
    assert np.abs(token_losses(loaded.model, TOKENS, 2).ravel() - own).max() < 1e-6


def test_divergence_is_that_of_the_classs_own_forward(loaded: LoadedModel) -> None:
    def log_shares() -> Tensor:
        with torch.inference_mode():
            return loaded.model(TOKENS, use_cache=False).logits[:, :-1].double().log_softmax(-1)

    dense, states = log_shares(), DenseStates()
    token_losses(loaded.model, TOKENS, 2, observe=states)
    with pruned(loaded, asked()):
        other = log_shares()
        observer = Divergence(states, HeadInBlocks.of(loaded.model, loaded.pristine_head()))
        token_losses(loaded.model, TOKENS, 2, observe=observer)
    agreement, kl = observer.result()
    assert kl == pytest.approx(float((dense.exp() * (dense - other)).sum(-1).mean()), abs=1e-6)
    assert agreement == pytest.approx(float((dense.argmax(-1) == other.argmax(-1)).double().mean()), abs=1e-6)


def test_attention_is_what_the_class_supports(loaded: LoadedModel) -> None:
    wanted = "eager" if loaded.source.name in PLAIN else "sdpa"
    assert loaded.model.config._attn_implementation == wanted


CELLS = [(name, scope) for name, criterion in CRITERIA.items() for scope in criterion.scopes]


def test_every_criterion_and_scope_prunes_and_restores_to_the_bit(loaded: LoadedModel) -> None:
    seen = set()
    for criterion, scope in CELLS:
        with pruned(loaded, asked(criterion, scope=scope), shown(criterion)) as done:
            counts = done.achieved.per_tensor
            for parameter in loaded.anatomy.select("all"):
                whole = loaded.parameter(parameter.name)
                assert counts[parameter.name].zeros == int((whole == 0).sum())
                for matrix in matrices(whole, parameter):
                    share = (matrix == 0).double()
                    if scope == "row":
                        assert (share.sum(1) == round(0.5 * parameter.inputs)).all()
                    elif scope == "tensor":
                        assert int(share.sum()) == round(0.5 * matrix.numel())
            seen.add(loss(loaded))
        assert loaded.strays() == [], (criterion, scope)
    same = [name for name, criterion in CRITERIA.items() if criterion.published in ("row", "floor", "kept")]
    assert len(seen) >= len(CELLS) - len(same)  # their papers count as one of the other scopes does, of an even half


def test_two_of_four_neighbours_of_a_row_go(loaded: LoadedModel) -> None:
    for criterion in ("magnitude", "wanda", "sparsegpt"):
        with pruned(loaded, asked(criterion, target="blocks", pattern="2:4"), CALIBRATION):
            for parameter in loaded.anatomy.block_linears:
                for matrix in matrices(loaded.parameter(parameter.name), parameter):
                    assert ((matrix == 0).reshape(-1, 4).sum(1) == 2).all()
        assert loaded.strays() == []


def test_blocks_of_the_dense_run_are_reused_to_the_bit(loaded: LoadedModel) -> None:
    prefix = DensePrefix()
    course = [({"part": ("o",), "layers": "1"}, 1), ({"part": ("down",), "layers": "1"}, 1), ({"target": "lm_head"}, 2)]
    for fields, unchanged in (*course, ({"target": "lm_head", "sparsity": 0.3}, 2)):
        with pruned(loaded, asked(**{"target": None, **fields})):
            with prefix.body(loaded.model, loaded.blocks, unchanged) as body:
                found = token_losses(loaded.model, TOKENS, 2, body=body)
            assert np.array_equal(found, token_losses(loaded.model, TOKENS, 2))
    assert prefix._sure, "and they are reused"


def test_layers_are_taken_out(loaded: LoadedModel, exports: Exports, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What remains is what the model computes where the layer passes on what it gets."""
    for criterion in ("magnitude", "wanda"):
        cell = asked(criterion, target="blocks", pattern="layers")
        with structurally_pruned(loaded, cell, shown(criterion)) as done:
            (gone,) = {p.layer for p in loaded.source.anatomy.block_linears if not _lives(done.masks[p.name])}
            assert loaded.anatomy.layers == LAYERS - 1 == len(loaded.blocks)
            found = loss(loaded)
            exported(loaded, exports, tmp_path_factory)
        assert loaded.strays() == []
        assert found == pytest.approx(_without(loaded, gone), abs=1e-6)


def _lives(mask: np.ndarray) -> bool:
    return bool(mask.any())


def _without(loaded: LoadedModel, layer: int | None) -> float:
    """The loss where a layer gives what it is fed."""
    assert layer is not None

    def skip(module: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Tensor], output: object) -> object:
        hidden = args[0] if args else kwargs["hidden_states"]
        return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

    hook = loaded.blocks[layer].register_forward_hook(skip, with_kwargs=True)
    try:
        return loss(loaded)
    finally:
        hook.remove()


def test_neurons_are_taken_out(loaded: LoadedModel, exports: Exports, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What remains is what the model computes where their weights are zero."""
    if loaded.source.name in MIXED:
        pytest.skip("experts keep their neurons")
    for criterion in ("magnitude", "wanda", "random"):
        cell = asked(criterion, target="mlp", pattern="neurons")
        with structurally_pruned(loaded, cell, shown(criterion)) as done:
            smaller = loss(loaded)
            if loaded.source.name in WITHOUT_WIDTH:
                with pytest.raises(InputError, match="no name for the inner width"):
                    exported(loaded, exports, tmp_path_factory)
            else:
                exported(loaded, exports, tmp_path_factory)
        assert loaded.strays() == []
        assert smaller == pytest.approx(_zeroed(loaded, dict(done.masks)), abs=1e-6)


def _zeroed(loaded: LoadedModel, masks: dict[str, np.ndarray]) -> float:
    """The loss where the masks' weights are zero, the biases of what leads to a neuron too."""
    with ExitStack() as stack:
        stack.callback(loaded.restore, [parameter.name for parameter in loaded.anatomy.parameters])
        for name, mask in masks.items():
            weight, parameter = loaded.parameter(name).data, loaded.anatomy.by_name[name]
            lives = np.unpackbits(mask, count=weight.numel()).astype(bool)
            weight.mul_(torch.from_numpy(lives).view(weight.shape))
            bias = f"{name.removesuffix('weight')}bias"
            if parameter.part != "down" and bias in loaded.anatomy.by_name:
                (rows,) = matrices(weight, parameter)
                loaded.parameter(bias).data.mul_((rows != 0).any(1))
        return loss(loaded)


def test_weights_are_rounded_in_their_own_rows(loaded: LoadedModel) -> None:
    with rounded(loaded, "float8-weights") as done:
        assert done.tensors == len(loaded.anatomy.block_linears) and done.weights == loaded.anatomy.block_weights
        for parameter in loaded.anatomy.block_linears:
            for matrix in matrices(loaded.parameter(parameter.name), parameter):
                codes = matrix / matrix.abs().amax(1, keepdim=True) * 448
                assert torch.allclose(codes.to(torch.float8_e4m3fn).float(), codes, rtol=1e-5)
        file = RoundedTensors(loaded)
        for parameter in loaded.anatomy.block_linears:
            codes, scales = file(parameter.name), file(f"{parameter.name}.scale")
            assert codes.shape == parameter.shape and scales.numel() == parameter.outputs * parameter.matrices
            assert torch.equal(codes.float() * scales, loaded.parameter(parameter.name))
    assert loaded.strays() == []


def test_what_is_pruned_is_exported(
    loaded: LoadedModel, exports: Exports, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pruned(loaded, asked()) as done:
        exported(loaded, exports, tmp_path_factory)
        assert done.masks.keys() <= {name for name, _ in loaded.model.named_parameters()}


def exported(loaded: LoadedModel, exports: Exports, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp(f"{loaded.source.name}-export")
    save(folder, loaded, {}, compressed=False)
    exports[str(folder)] = loss(loaded)


READ = """
import json, sys, torch, transformers
from transformers import AutoModelForCausalLM
transformers.logging.disable_progress_bar()
found, tokens = {}, torch.tensor(json.loads(sys.argv[1]))
for folder in json.loads(sys.argv[2]):
    model, report = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"], folder
    with torch.inference_mode():
        logits = model(tokens, use_cache=False).logits[:, :-1].double()
    found[folder] = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).item()
print(json.dumps(found))
"""


def test_exports_are_read_by_plain_transformers_with_the_same_perplexity(exports: Exports) -> None:
    if not exports:
        pytest.skip("nothing was exported")
    asked_of = [json.dumps(TOKENS.tolist()), json.dumps(list(exports))]
    done = subprocess.run([sys.executable, "-c", READ, *asked_of], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    for folder, wanted in exports.items():
        assert math.exp(found[folder]) == pytest.approx(math.exp(wanted), rel=1e-6), folder
