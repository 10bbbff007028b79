"""The suite as a library: what a notebook imports does what a study does, and leaves the model as it was."""

from __future__ import annotations

import copy
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import prune

import suite
from suite.data.source import text_from_catalogue
from suite.paths import MANIFESTS

SHIPPED = MANIFESTS / "reference" / "embedded"
TEXT, CONTEXT = "short-stories", 256
CALIBRATION = {"calibration": "short-stories-training", "samples": 4, "context": 128}


@pytest.fixture(scope="module")
def model() -> suite.Model:
    return suite.load("story-mistral")


def test_importing_it_imports_neither_torch_nor_transformers_and_sets_no_logger() -> None:
    script = (
        "import logging, sys; import suite; dir(suite)\n"
        "assert not {'torch', 'transformers', 'pydantic', 'numpy'} & set(sys.modules), 'imported'\n"
        "assert logging.getLogger('torchao').level == logging.NOTSET\n"
        "assert all(hasattr(suite, name) for name in suite.__all__)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_name_that_is_not_exported_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'prune_all'"):
        _ = suite.prune_all  # type: ignore[attr-defined]


def test_a_mask_is_that_of_the_study_s_record_of_the_same_cell(model: suite.Model) -> None:
    records = suite.read_records(SHIPPED)
    cells = [
        record
        for record in records
        if record.pruning
        and record.experiment.model == "story-mistral"
        and record.experiment.criterion == "magnitude"
        and (record.experiment.target, record.experiment.budget)
        in (("blocks", None), ("attention", None), ("all", None))
    ]
    assert len({record.experiment.target for record in cells}) == 3
    for record in cells[::6]:
        asked = record.experiment
        assert record.pruning is not None
        with model.pruned("magnitude", asked.sparsity, asked.target) as report:
            assert report.mask_digest == record.pruning.mask_digest
            assert (report.weights, report.zeros) == (record.pruning.weights, record.pruning.zeros)
    assert model.restored()


def test_perplexity_is_that_of_a_plain_loop_in_float64(model: suite.Model) -> None:
    found = model.perplexity(TEXT, context=CONTEXT, windows=3)
    ids = torch.tensor(model.tokenizer(text_from_catalogue(TEXT).content)["input_ids"])
    whole = ids[: len(ids) // CONTEXT * CONTEXT].view(-1, CONTEXT)
    chosen = whole[[(2 * i + 1) * len(whole) // 6 for i in range(3)]]
    exact = copy.deepcopy(model.model).double()
    with torch.inference_mode():
        losses = [functional.cross_entropy(exact(one[None]).logits[0, :-1], one[1:]) for one in chosen]
    assert found.value == pytest.approx(math.exp(float(torch.stack(losses).mean())), rel=1e-6)
    assert found.nats == pytest.approx([float(loss) for loss in losses], abs=1e-6)
    assert (found.tokens, found.text_windows, found.interval) == (3 * (CONTEXT - 1), len(whole), None)


def test_a_ratio_has_the_paired_interval_and_only_on_the_same_windows(model: suite.Model) -> None:
    dense = model.perplexity(TEXT, context=CONTEXT)
    with model.pruned("magnitude", 0.7):
        ratio = model.perplexity(TEXT, context=CONTEXT).relative_to(dense)
    assert ratio.interval is not None and ratio.interval.low < ratio.value < ratio.interval.high
    assert dense.interval is not None and dense.interval.low < dense.value < dense.interval.high
    assert dense.relative_to(dense) == (1.0, (1.0, 1.0))
    with pytest.raises(suite.InputError, match="the same windows"):
        dense.relative_to(model.perplexity(TEXT, context=CONTEXT, windows=41))


@pytest.mark.parametrize("criterion", ["magnitude", "wanda", "sparsegpt", "random"])
def test_every_criterion_prunes_exactly_and_is_undone(model: suite.Model, criterion: str) -> None:
    options = CALIBRATION if criterion in ("wanda", "sparsegpt") else {}
    with model.pruned(criterion, 0.5, "mlp", **options) as report:  # type: ignore[arg-type]
        assert report.sparsity == 0.5 and all(zeros * 2 == weights for weights, zeros in report.per_tensor.values())
        assert not model.restored()
    assert model.restored()


def test_an_error_inside_leaves_the_model_whole(model: suite.Model) -> None:
    with pytest.raises(ZeroDivisionError), model.pruned("magnitude", 0.9, "all"):
        _ = 1 / 0
    assert model.restored()


def test_whole_layers_go_and_come_back(model: suite.Model) -> None:
    layers = model.model.config.num_hidden_layers
    with model.pruned(sparsity=0.25, pattern="layers"):
        assert model.model.config.num_hidden_layers == layers - layers // 4
    assert model.model.config.num_hidden_layers == layers and model.restored()


def test_a_budget_is_an_exact_number_of_weights(model: suite.Model) -> None:
    with model.pruned(budget=0.05, target="attention") as report:
        blocks = 786_432
        assert report.zeros == round(0.05 * blocks)


def test_a_model_in_memory_gives_what_it_gives_from_its_files(model: suite.Model) -> None:
    again = suite.load(copy.deepcopy(model.model), model.tokenizer)
    assert again.perplexity(TEXT, windows=2).value == model.perplexity(TEXT, windows=2).value
    with model.pruned("magnitude", 0.5) as expected, again.pruned("magnitude", 0.5) as report:
        assert report.mask_digest == expected.mask_digest
    assert again.restored()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sparsity": 0.5, "criterion": "wanda"}, "give `calibration`"),
        ({"sparsity": 0.5, "criterion": "snip"}, "criterion is one of magnitude"),
        ({"sparsity": 1.5}, "a share from 0 to 1"),
        ({}, "either|`sparsity` or `budget`"),
        ({"sparsity": 0.5, "budget": 0.1}, "`sparsity` or `budget`"),
        ({"sparsity": 0.5, "target": "block"}, "target 'block' is not one of"),
        ({"sparsity": 0.5, "pattern": "3:4"}, "pattern is one of 2:4"),
        ({"sparsity": 0.5, "allocation": "even"}, "allocation is one of"),
        ({"sparsity": 0.5, "scope": "layer"}, "does not count over scope"),
        ({"budget": 0.9, "target": "attention"}, "more than the"),
    ],
)
def test_a_wrong_argument_is_said_in_a_sentence(model: suite.Model, options: dict[str, object], said: str) -> None:
    with pytest.raises(suite.InputError, match=said), model.pruned(**options):  # type: ignore[arg-type]
        pass
    assert model.restored()


@pytest.mark.parametrize(
    ("asked", "said"),
    [("nothing", "no model is called"), ("owner/name", "with its `revision`"), ("lost.gguf", "lost.gguf")],
)
def test_a_model_that_cannot_be_had_is_said_in_a_sentence(asked: str, said: str) -> None:
    with pytest.raises(suite.InputError, match=said):
        suite.load(asked)


def test_a_text_is_a_name_a_file_or_rows(model: suite.Model, tmp_path: Path) -> None:
    rows = ["Once there was a brave baker .", "The baker had a red ball ."] * 80
    (path := tmp_path / "rows.txt").write_text("\n\n".join(rows), encoding="utf-8")
    asked = {"context": 64, "windows": 2}
    assert model.perplexity(rows, **asked).nats == model.perplexity(path, **asked).nats  # type: ignore[arg-type]
    for wrong, said in (("no-such-text", "neither a name"), ([], "holds strings"), (["", " "], "holds strings")):
        with pytest.raises(suite.InputError, match=said):
            model.perplexity(wrong)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 10), nn.BatchNorm1d(10))


@pytest.mark.parametrize("sparsity", [0.0, 0.3, 0.5, 1.0])
def test_any_module_loses_what_torch_s_own_pruning_takes(sparsity: float) -> None:
    ours, theirs = network(), network()
    handle = suite.prune_(ours, "magnitude", sparsity)
    for number in (0, 3):
        prune.l1_unstructured(theirs[number], "weight", amount=round(sparsity * ours[number].weight.numel()))
        assert torch.equal(ours[number].weight, theirs[number].weight)
        assert torch.equal(handle.masks[f"{number}.weight"], theirs[number].weight_mask.bool())
    assert torch.equal(ours[4].weight, network()[4].weight)
    handle.restore()
    assert all(torch.equal(one, other) for one, other in zip(ours.parameters(), network().parameters(), strict=True))


def test_a_module_s_weights_are_counted_over_all_of_them_where_that_is_asked() -> None:
    net = network()
    everything = torch.cat([net[0].weight.flatten(), net[3].weight.flatten()]).abs().sort().values
    with suite.prune_(net, "magnitude", 0.4, scope="global") as handle:
        assert handle.zeros == round(0.4 * handle.weights) == int((everything < everything[handle.zeros]).sum())
        survivors = [net[number].weight[net[number].weight != 0].abs().min() for number in (0, 3)]
        assert min(survivors) == everything[handle.zeros]


def test_a_shared_weight_is_pruned_once_and_a_layer_may_be_left_out() -> None:
    net = nn.ModuleDict({"a": nn.Linear(8, 8), "b": nn.Linear(8, 8), "c": nn.Linear(8, 8)})
    net["b"].weight = net["a"].weight
    handle = suite.prune_(net, "random", 0.5, where=lambda name, _: name != "c")
    assert list(handle.masks) == ["a.weight"] and handle.zeros == 32
    assert bool((net["c"].weight != 0).all())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"criterion": "wanda"}, "`suite.load`"),
        ({"criterion": "snip"}, "criterion is one of"),
        ({"sparsity": -0.1}, "from 0 to 1"),
        ({"scope": "layer"}, "scope of magnitude is one of"),
        ({"pattern": "2:3"}, "pattern is 2:4 or 4:8"),
        ({"pattern": "4:8"}, "rows of 27 weights"),
        ({"where": lambda name, layer: False}, "no linear or convolution layer"),
    ],
)
def test_what_cannot_be_pruned_of_a_module_is_said_in_a_sentence(options: dict[str, object], said: str) -> None:
    net = network()
    with pytest.raises(suite.InputError, match=said):
        suite.prune_(net, **options)  # type: ignore[arg-type]
    assert torch.equal(net[0].weight, network()[0].weight)


def test_a_study_runs_and_its_records_are_a_table(tmp_path: Path) -> None:
    (path := tmp_path / "mine.yaml").write_text(
        "title: Mine\nmodels: story-mistral-small\ntext: short-stories\nwindows: 2\nmeasure: perplexity\n"
        "experiments: [{target: blocks, sparsity: [0.3, 0.6]}]\n",
        encoding="utf-8",
    )
    records = suite.run(path, tmp_path / "results")
    assert len(records) == 3 and {record.status for record in records} == {"done"} and not records.damaged
    table = records.to_pandas().set_index("sparsity").sort_index()
    assert table.index.tolist() == [0.0, 0.3, 0.6] and table["perplexity"].notna().all()
    assert table.loc[0.0, "ratio"] == 1.0
    before = [record.seal for record in records]
    assert [record.seal for record in suite.run(path, tmp_path / "results")] == before
    assert [record.seal for record in suite.read_records(tmp_path / "results")] == before
    with pytest.raises(suite.InputError, match="no folder"):
        suite.read_records(tmp_path / "nowhere")
