"""What a criterion is told of a layer's inputs is what the model feeds it, its blocks pruned as far as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM

from suite.data.tokenizer import story_tokenizer
from suite.data.windows import calibration_windows
from suite.errors import ExperimentError
from suite.evaluation import memory
from suite.interruption import Interrupted
from suite.models.calibration import LayerInputs, in_order
from suite.models.loading import LoadedModel, load_model
from suite.models.pruned import pruned
from suite.models.source import from_folder
from suite.models.statistics import gram, squared_norms
from suite.pruning.criteria import CRITERIA
from suite.records.experiment import Experiment, TextReference
from tests.conftest import ARCHITECTURES, HEAD, MakeModel

CHOOSING = [name for name, criterion in CRITERIA.items() if criterion.counts]  # single weights
CALIBRATED = [name for name in CHOOSING if CRITERIA[name].calibrated]
TOKENS = torch.randint(5, 60, (6, 48), generator=torch.Generator().manual_seed(0))
OVERLAP = 0.999  # of two masks made with another order of sums, as a share of what either removes


def load(make_model: MakeModel, architecture: str) -> LoadedModel:
    return load_model(from_folder("m", make_model(architecture)), "float32", "a test")


def experiment(**fields: Any) -> Experiment:
    text = TextReference(name="t", revision="r", join="")
    asked = {"model": "m", "revision": "r", "criterion": "wanda", "target": "blocks", "text": text, "context": 48}
    return Experiment(**{**asked, **fields})


@torch.inference_mode()
def by_hooks(loaded: LoadedModel, names: list[str]) -> dict[str, Tensor]:
    """All that the layers are fed in ordinary forward passes, [tokens, width]."""
    fed: dict[str, list[Tensor]] = {name: [] for name in names}

    def note(name: str) -> Callable[..., None]:
        return lambda _, args: fed[name].append(args[0].flatten(0, -2))

    modules: dict[str, nn.Module] = {
        name: loaded.head if name == HEAD else loaded.model.get_submodule(name.removesuffix(".weight"))
        for name in names
    }
    handles = [module.register_forward_pre_hook(note(name)) for name, module in modules.items()]
    for sample in TOKENS:
        loaded.model(sample[None], use_cache=False)
    for handle in handles:
        handle.remove()
    return {name: torch.cat(parts) for name, parts in fed.items()}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_layers_are_fed_as_in_a_forward_pass_of_the_dense_model(make_model: MakeModel, architecture: str) -> None:
    loaded = load(make_model, architecture)
    selected = in_order(loaded.anatomy.select("all"))
    assert selected[-1].part == "lm_head"  # under `tied: untie` a tied model's too
    fed = by_hooks(loaded, [parameter.name for parameter in selected])
    norms, grams = (LayerInputs(loaded, TOKENS, gather, selected) for gather in (squared_norms, gram))
    for parameter in selected:
        inputs = fed[parameter.name]
        assert torch.allclose(norms(parameter.name), inputs.square().sum(0), rtol=1e-4)
        assert torch.allclose(grams(parameter.name), inputs.T @ inputs, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_block_is_told_of_pruned_predecessors_and_of_itself_as_it_was(
    make_model: MakeModel, architecture: str
) -> None:
    loaded = load(make_model, architecture)
    selected = in_order(loaded.anatomy.select("all", tied="skip"))
    inputs = LayerInputs(loaded, TOKENS, squared_norms, selected)
    expected: dict[str, Tensor] = {}
    for parameter in selected:
        if parameter.name not in expected:  # the first of its block: nothing of the block is pruned yet
            block = [p.name for p in selected if p.layer == parameter.layer]
            expected = {name: fed.square().sum(0) for name, fed in by_hooks(loaded, block).items()}
        assert torch.allclose(inputs(parameter.name), expected[parameter.name], rtol=1e-4)
        with torch.no_grad():
            loaded.parameter(parameter.name).mul_(0.5)


def test_layers_that_share_their_inputs_share_the_statistic_and_what_is_made_of_it(make_model: MakeModel) -> None:
    loaded = load(make_model, "mistral")
    selected = in_order(loaded.anatomy.select("blocks", layers="0"))
    made = []

    def finish(statistic: Tensor) -> Tensor:
        made.append(statistic)
        return statistic

    inputs = LayerInputs(loaded, TOKENS, gram, selected, finish)
    found = {parameter.part: inputs(parameter.name) for parameter in selected}
    assert found["q"] is found["k"] is found["v"]
    assert found["gate"] is found["up"]
    assert len(made) == 4  # before attention, o, before the MLP, down


@pytest.mark.parametrize("criterion", CALIBRATED)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_calibrated_criteria_are_exact_and_restored(make_model: MakeModel, architecture: str, criterion: str) -> None:
    loaded = load(make_model, architecture)
    was_tied = loaded.tied
    for target in ("all", "blocks", "attention", "mlp", "early", "late", "lm_head"):
        with pruned(loaded, experiment(criterion=criterion, target=target, sparsity=0.5), TOKENS) as done:
            for name, count in done.achieved.per_tensor.items():
                assert count.zeros == round(0.5 * count.weights)
                assert int((loaded.parameter(name) == 0).sum()) == count.zeros
            others = {p.name for p in loaded.anatomy.parameters} - set(done.achieved.per_tensor)
            assert set(loaded.strays()) <= {p.name for p in loaded.anatomy.parameters} - others
        assert loaded.strays() == []
        assert loaded.tied == was_tied
    for budget in (0.01, 0.05):
        with pruned(loaded, experiment(criterion=criterion, target="mlp", budget=budget), TOKENS) as done:
            assert done.achieved.zeros == loaded.anatomy.budget(budget)


@pytest.mark.parametrize("criterion", CHOOSING)
@pytest.mark.parametrize("pattern", ["2:4", "4:8"])
def test_patterns_hold_in_the_model(make_model: MakeModel, criterion: str, pattern: str) -> None:
    loaded = load(make_model, "phi")
    asked = experiment(criterion=criterion, target="all", sparsity=0.5, pattern=pattern, seed=1)
    width = int(pattern[-1])
    with pruned(loaded, asked, TOKENS) as done:
        for name in done.masks:
            groups = (loaded.parameter(name) == 0).view(-1, width).sum(1)
            assert (groups == width // 2).all()


@pytest.mark.parametrize("criterion", ["magnitude", *CALIBRATED])
def test_owl_spares_layers_and_keeps_the_total(make_model: MakeModel, criterion: str) -> None:
    loaded = load(make_model, "llama-tied")
    with torch.no_grad():  # the second block gets outliers
        stored = {p.name: loaded.stored(p.name).clone() for p in loaded.anatomy.parameters}
        for name in (p.name for p in loaded.anatomy.block_linears if p.layer == 1):
            stored[name].view(-1)[::50] *= 40
    loaded.stored = stored.__getitem__  # type: ignore[assignment]
    loaded.restore(list(stored))
    for scope in ("tensor", *(s for s in CRITERIA[criterion].scopes if s not in ("tensor", "global"))):
        asked = experiment(criterion=criterion, allocation="owl", sparsity=0.53, scope=scope)
        with pruned(loaded, asked, TOKENS) as done:
            shares: dict[int | None, set[float]] = {}
            for name, count in done.achieved.per_tensor.items():
                shares.setdefault(loaded.anatomy.by_name[name].layer, set()).add(count.zeros / count.weights)
            if scope == "tensor":
                assert done.achieved.zeros == round(0.53 * loaded.anatomy.block_weights)
                assert all(max(found) - min(found) < 0.01 for found in shares.values())  # a block's are alike
            assert max(shares[1]) < min(shares[0])
            assert done.achieved.achieved_sparsity == pytest.approx(0.53, abs=0.04)  # rows of 16 are coarse


@pytest.mark.parametrize("criterion", CALIBRATED)
def test_masks_of_one_thread_and_two_overlap(make_model: MakeModel, criterion: str) -> None:
    """They come of sums of floats, whose order is another (protocol rule 1)."""
    masks = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            with pruned(load(make_model, "mistral"), experiment(criterion=criterion, sparsity=0.6), TOKENS) as done:
                masks.append({name: ~np.unpackbits(bits).astype(bool) for name, bits in done.masks.items()})
    finally:
        torch.set_num_threads(before)
    both = sum(int((masks[0][name] & masks[1][name]).sum()) for name in masks[0])
    either = sum(int((masks[0][name] | masks[1][name]).sum()) for name in masks[0])
    assert both / either >= OVERLAP


def test_a_calibration_that_is_not_finite_is_told(make_model: MakeModel) -> None:
    loaded = load(make_model, "mistral")
    with torch.no_grad():
        loaded.parameter("model.layers.0.mlp.up_proj.weight").mul_(float("inf"))
    with (
        pytest.raises(ExperimentError, match="feeds to model.layers.0.mlp.down_proj.weight is not finite"),
        pruned(loaded, experiment(target=None, part=("down",), sparsity=0.5), TOKENS),
    ):
        pass


@pytest.mark.parametrize("criterion", ["sparsegpt", "admm", "alps"])
def test_inputs_that_determine_too_little_are_told(
    make_model: MakeModel, monkeypatch: pytest.MonkeyPatch, criterion: str
) -> None:
    loaded = load(make_model, "mistral")
    monkeypatch.setattr(f"suite.pruning.{criterion}.{criterion.upper()}_DAMPING", -1.5)
    with (
        pytest.raises(ExperimentError, match="feeds to model.layers.0.* determines too little"),
        pruned(loaded, experiment(criterion=criterion, sparsity=0.5), TOKENS),
    ):
        pass
    assert loaded.strays() == []


@pytest.mark.parametrize("criterion", ["sparsegpt", "admm", "alps"])
def test_what_does_not_fit_is_refused_with_both_sizes_before_anything_is_pruned(
    wide: LoadedModel, monkeypatch: pytest.MonkeyPatch, criterion: str
) -> None:
    monkeypatch.setattr("suite.models.factoring._free_bytes", lambda _: 50_000_000)
    needed = CRITERIA[criterion].effort.matrix_bytes(2048) / 1e9
    said = f"needs {needed:.1f} GB beside the model for the 2,048 inputs of .*down_proj.weight, and 0.1 GB are free"
    with (
        pytest.raises(ExperimentError, match=said),
        pruned(wide, experiment(criterion=criterion, sparsity=0.5), TOKENS),
    ):
        pass
    assert wide.strays() == []


@pytest.mark.parametrize("criterion", CALIBRATED)
def test_a_layer_that_is_fed_zeros_loses_its_smallest_weights_and_the_record_says_so(
    make_model: MakeModel, criterion: str
) -> None:
    loaded, name = load(make_model, "mistral"), "model.layers.1.mlp.down_proj.weight"
    with torch.no_grad():  # what leads into the layer is zero
        loaded.parameter("model.layers.1.mlp.up_proj.weight").zero_()
    with pruned(loaded, experiment(criterion=criterion, target=None, part=("down",), sparsity=0.5), TOKENS) as done:
        found, stored = loaded.parameter(name).detach(), loaded.stored(name).float()
        assert done.achieved.remarks["layers fed nothing but zeros, of which the smallest weights went"] == 1
        assert torch.equal(found, torch.where(stored.abs() > stored.abs().median(), stored, 0))


@pytest.mark.parametrize("criterion", ["sparsegpt", "admm", "alps"])
def test_what_is_made_of_the_inputs_is_made_once_for_the_layers_that_read_them(
    make_model: MakeModel, monkeypatch: pytest.MonkeyPatch, criterion: str
) -> None:
    loaded, made = load(make_model, "mistral"), []
    prepare = CRITERIA[criterion].resolve_prepare()
    assert prepare is not None
    monkeypatch.setattr(CRITERIA[criterion].prepare.replace(":", "."), lambda gram: made.append(1) or prepare(gram))  # type: ignore[union-attr,func-returns-value]
    with pruned(loaded, experiment(criterion=criterion, layers="0", sparsity=0.5), TOKENS):
        assert len(made) == 4  # of q, k and v; of o; of gate and up; of down


def test_a_wish_to_stop_is_granted_between_tensors(make_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load(make_model, "mistral")
    monkeypatch.setattr("suite.interruption._asked", [15])
    with pytest.raises(Interrupted), pruned(loaded, experiment(sparsity=0.5), TOKENS):
        pass
    assert loaded.strays() == []


@pytest.mark.parametrize("before", ["highest", "high"])
def test_no_sum_is_shortened_and_the_setting_comes_back(make_model: MakeModel, before: str) -> None:
    """`high` lets a GPU multiply float32 matrices in TF32."""
    loaded = load(make_model, "mistral")
    found = []
    loaded.model.base_model.layers[0].register_forward_hook(
        lambda *_: found.append(torch.get_float32_matmul_precision())
    )
    usual = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(before)
    try:
        with pruned(loaded, experiment(criterion="sparsegpt", sparsity=0.5), TOKENS):
            assert set(found) == {"highest"}
            assert torch.get_float32_matmul_precision() == before
    finally:
        torch.set_float32_matmul_precision(usual)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """A model whose widest layer has inputs by the thousand, as a 7B model's: their Gram matrix outweighs the rest."""
    tokenizer = story_tokenizer()
    config = AutoConfig.for_model(
        "mistral",
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=2048,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
    )
    folder = tmp_path_factory.mktemp("wide-model")
    AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return load_model(from_folder("m", folder), "float32", "a test")


@pytest.mark.parametrize(
    ("criterion", "matrices"), [("wanda", 0), ("ria", 0), ("dsnot", 0), ("sparsegpt", 3), ("admm", 3), ("alps", 9)]
)
def test_pruning_holds_one_block_and_at_most_three_of_its_widest_matrices(
    wide: LoadedModel, criterion: str, matrices: int
) -> None:
    """Beside the model: what goes into a block, a few copies of one weight, and what is made of its inputs' Gram
    matrix, which ALPS alone needs more than three of: its eigendecomposition is of float64."""
    samples = torch.randint(5, 60, (16, 128))
    asked = experiment(criterion=criterion, sparsity=0.5)
    with pruned(wide, asked, samples[:1]):  # what the libraries set aside for themselves
        pass
    before = memory.resident()
    memory.reset_peaks()
    with pruned(wide, asked, samples):
        high = memory.peaks(wide.model).rss_bytes
    if before is None or high is None:
        pytest.skip("the peak of the resident set cannot be read here (Linux lets it)")
    anatomy = wide.anatomy
    states = samples.numel() * anatomy.hidden * 4
    weight = anatomy.hidden * anatomy.inner * 4
    assert high - before < states + 4 * weight + matrices * anatomy.inner**2 * 4 + 8e6


def test_windows_begin_where_the_published_code_lets_them() -> None:
    import random

    random.seed(3)
    expected = [random.randint(0, 100 - 10 - 1) for _ in range(5)]
    windows = calibration_windows(list(range(100)), samples=5, context=10, seed=3)
    assert windows[:, 0].tolist() == expected
    assert torch.equal(windows - windows[:, :1], torch.arange(10).expand(5, 10))
