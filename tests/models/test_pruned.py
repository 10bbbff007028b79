"""A model is pruned in place exactly as asked, and bit for bit whole again after it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from suite.models.loading import LoadedModel, load_model
from suite.models.pruned import pruned
from suite.models.source import from_folder
from suite.records.experiment import Experiment, TextReference
from tests.conftest import ARCHITECTURES, HEAD, TABLE, MakeModel

TEXT = TextReference(name="t", revision="r", join="")


def experiment(**fields: Any) -> Experiment:
    defaults = {"model": "m", "revision": "r", "criterion": "magnitude", "text": TEXT, "context": 64}
    return Experiment(**{**defaults, **fields})


def load(make_model: MakeModel, architecture: str, dtype: torch.dtype = torch.float16) -> LoadedModel:
    return load_model(from_folder("m", make_model(architecture, dtype=dtype)), "float32", "a test")


def bits(loaded: LoadedModel) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in loaded.model.state_dict().items()}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("tied", ["untie", "both", "skip"])
def test_every_target_is_exact_and_restored(make_model: MakeModel, architecture: str, tied: str) -> None:
    loaded = load(make_model, architecture)
    before = bits(loaded)
    was_tied = loaded.tied
    for target in ("all", "blocks", "attention", "mlp", "early", "late", "embeddings", "lm_head"):
        if was_tied and tied == "skip" and target in ("embeddings", "lm_head"):
            continue
        with pruned(loaded, experiment(target=target, sparsity=0.5, tied=tied)) as done:
            assert done.achieved.zeros == sum(round(0.5 * count.weights) for count in done.achieved.per_tensor.values())
            for name, count in done.achieved.per_tensor.items():
                assert int((loaded.parameter(name) == 0).sum()) == count.zeros
            others = {p.name for p in loaded.anatomy.parameters} - set(done.achieved.per_tensor)
            assert all(torch.equal(loaded.parameter(name), before[name]) for name in others)
        after = bits(loaded)
        assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
        assert loaded.tied == was_tied
        assert loaded.strays() == []


def test_an_untied_copy_is_counted_and_never_booked_as_compression(make_model: MakeModel) -> None:
    loaded = load(make_model, "llama-tied")
    table = loaded.anatomy.embeddings.weights
    with pruned(loaded, experiment(target="lm_head", sparsity=0.25)) as done:
        assert not loaded.tied
        assert int((loaded.parameter(TABLE) == 0).sum()) == 0
        assert int((loaded.parameter(HEAD) == 0).sum()) == round(0.25 * table)
        assert done.achieved.untied_bytes == table * 4
        assert done.achieved.compression_ratio < 1
        assert done.achieved.model_sparsity < 0
    with pruned(loaded, experiment(target="lm_head", sparsity=0.25, tied="both")) as done:
        assert loaded.tied
        assert done.achieved.compression_ratio > 1
        assert done.achieved.theoretical_speedup > 1


def test_pruning_the_embeddings_leaves_an_untied_head_alone(make_model: MakeModel) -> None:
    loaded = load(make_model, "qwen2-tied")
    with pruned(loaded, experiment(target="embeddings", sparsity=0.5)) as done:
        assert int((loaded.head.weight == 0).sum()) == 0
        assert int((loaded.table.weight == 0).sum()) == done.achieved.zeros
        assert done.achieved.theoretical_speedup == 1.0


def test_an_error_inside_does_not_leave_the_model_pruned(make_model: MakeModel) -> None:
    loaded = load(make_model, "qwen2-tied")
    with pytest.raises(KeyboardInterrupt), pruned(loaded, experiment(target="all", sparsity=0.9)):
        raise KeyboardInterrupt
    assert loaded.tied
    assert loaded.strays() == []


def test_a_stray_change_is_found(make_model: MakeModel) -> None:
    loaded = load(make_model, "mistral")
    loaded.parameter("model.norm.weight").data[3] += 0.5
    assert loaded.strays() == ["model.norm.weight"]


def test_masks_come_from_the_stored_values_whatever_dtype_runs(make_model: MakeModel) -> None:
    folder = make_model("mistral", dtype=torch.float16)
    digests = set()
    for dtype in ("float32", "float16", "bfloat16"):
        loaded = load_model(from_folder("m", folder), dtype, "a test")
        with pruned(loaded, experiment(target="blocks", sparsity=0.5)) as done:
            digests.add(done.achieved.mask_digest)
    assert len(digests) == 1


def test_a_model_in_the_dtype_it_is_stored_in_is_scored_where_it_lies(make_model: MakeModel) -> None:
    folder = make_model("mistral", dtype=torch.float16)
    for dtype, same in (("float16", True), ("float32", False)):
        loaded = load_model(from_folder("m", folder), dtype, "a test")
        for parameter in loaded.anatomy.block_linears:
            values = loaded.pristine(parameter.name)
            assert (values.data_ptr() == loaded.parameter(parameter.name).data_ptr()) is same
            assert torch.equal(values, loaded.stored(parameter.name))


@pytest.mark.parametrize("threads", [1, 2])
def test_the_digest_does_not_depend_on_threads(make_model: MakeModel, threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        loaded = load(make_model, "phi")
        with pruned(loaded, experiment(target="blocks", sparsity=0.5)) as done:
            digest = done.achieved.mask_digest
    finally:
        torch.set_num_threads(before)
    reference = load(make_model, "phi")
    with pruned(reference, experiment(target="blocks", sparsity=0.5)) as done:
        assert done.achieved.mask_digest == digest


def test_a_budget_takes_the_same_number_from_unequal_targets(make_model: MakeModel) -> None:
    loaded = load(make_model, "mistral")
    total = loaded.anatomy.budget(0.1)
    for target in ("blocks", "attention", "mlp", "early", "late"):
        with pruned(loaded, experiment(target=target, sparsity=0.0, budget=0.1)) as done:
            assert done.achieved.zeros == total


def test_zeros_that_were_there_before_are_told_apart(make_model: MakeModel, tmp_path: Any) -> None:
    from safetensors.torch import load_file, save_file

    folder = make_model("mistral")
    tensors = load_file(folder / "model.safetensors")
    name = "model.layers.0.mlp.up_proj.weight"
    tensors[name][:5] = 0
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    loaded = load_model(from_folder("m", folder), "float32", "a test")
    count = tensors[name].numel()
    already = 5 * tensors[name].shape[1]
    with pruned(loaded, experiment(target="mlp", sparsity=0.1)) as done:
        assert done.achieved.per_tensor[name].zeros_before == already
        assert done.achieved.per_tensor[name].zeros == max(already, round(0.1 * count))
