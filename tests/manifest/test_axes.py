"""What a grid may ask for beside magnitude: which cells it gives, and what is refused, where and with what advice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from suite.errors import InputError
from suite.manifest import read_study
from suite.manifest.expand import describe
from suite.manifest.rules import check_cell
from suite.models.anatomy import Parameter
from suite.models.source import from_catalogue
from suite.paths import MANIFESTS
from suite.records.experiment import Experiment

Write = Callable[..., Path]
HEAD = "title: a\nmodels: story-mistral\ntext: stories\nexperiments:\n  - "


def cells(tmp_path: Path, grid: str) -> tuple[Experiment, ...]:
    path = tmp_path / "study.yaml"
    path.write_text(HEAD + grid + "\n")
    return read_study(path).experiments


def test_every_criterion_is_calibrated_alike_on_text_that_is_not_measured_on(tmp_path: Path) -> None:
    grid = (
        "{criterion: [magnitude, wanda, sparsegpt], target: blocks, sparsity: 0.5, calibration: {samples: 7, seed: 3}}"
    )
    _, magnitude, wanda, sparsegpt = cells(tmp_path, grid)
    assert magnitude.calibration is None
    assert wanda.calibration == sparsegpt.calibration
    assert wanda.calibration is not None
    assert (wanda.calibration.samples, wanda.calibration.seed, wanda.calibration.context) == (7, 3, 256)
    assert wanda.calibration.text.name == "stories-training"
    assert wanda.calibration.text.revision != wanda.text.revision


@pytest.mark.parametrize("written", ["2:4", '"2:4"', "[2:4]"])
def test_a_pattern_is_read_however_yaml_takes_it_and_has_one_sparsity(tmp_path: Path, written: str) -> None:
    _, cell = cells(tmp_path, f"{{target: blocks, pattern: {written}}}")
    assert (cell.pattern, cell.sparsity) == ("2:4", 0.5)


def test_a_pattern_beside_none_gives_each_sparsity_once(tmp_path: Path) -> None:
    _, *found = cells(tmp_path, '{target: blocks, pattern: [none, "4:8"], sparsity: [0.3, 0.7]}')
    assert [(cell.pattern, cell.sparsity) for cell in found] == [(None, 0.3), (None, 0.7), ("4:8", 0.5)]


def test_a_criterion_has_its_options_beside_its_name(tmp_path: Path) -> None:
    _, *found = cells(
        tmp_path,
        "{criterion: [wanda, dsnot, {name: dsnot, variant: code, cycles: 10}, {name: admm, variant: code}, alps], "
        "target: blocks, sparsity: 0.5}",
    )
    assert [(cell.criterion, cell.variant, cell.cycles) for cell in found] == [
        ("wanda", None, None),
        ("dsnot", "paper", 50),
        ("dsnot", "code", 10),
        ("admm", "code", None),
        ("alps", None, None),
    ]
    assert [describe(cell).removeprefix("story-mistral blocks 50 % ") for cell in found] == [
        "Wanda",
        "DSnoT",
        "DSnoT as coded, 10 cycles",
        "ADMM as coded",
        "ALPS",
    ]


def test_each_is_every_part_of_every_layer_alone(tmp_path: Path) -> None:
    _, *found = cells(tmp_path, "{part: each, layers: each, budget: 0.005}")
    assert len(found) == 7 * 4
    assert {cell.part for cell in found} == {(part,) for part in ("q", "k", "v", "o", "gate", "up", "down")}
    assert {cell.layers for cell in found} == {"0", "1", "2", "3"}
    assert describe(found[-1]).startswith("story-mistral down, layer 3")


def test_each_follows_the_architecture(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(HEAD.replace("story-mistral", "story-phi") + "{part: each, sparsity: 0.5}\n")
    assert [cell.part for cell in read_study(path).experiments[1:]] == [
        (p,) for p in ("q", "k", "v", "o", "up", "down")
    ]


def test_a_precision_is_measured_without_pruning_too_and_the_baseline_stays_one(tmp_path: Path) -> None:
    found = cells(tmp_path, "{target: blocks, sparsity: 0.5, precision: [auto, bfloat16, float8-weights]}")
    assert [cell.dense for cell in found].count(True) == 1
    unpruned = [cell for cell in found if cell.unpruned and not cell.dense]
    assert [(cell.precision, cell.baseline_precision) for cell in unpruned] == [
        ("bfloat16", "auto"),
        ("float8-weights", "auto"),
    ]
    assert all(cell.sparsity == 0 for cell in unpruned)
    assert [cell.baseline_precision for cell in found if not cell.unpruned] == [None, "auto", "auto"]


def test_a_recovery_is_given_to_the_dense_model_too(tmp_path: Path) -> None:
    _, *found = cells(tmp_path, "{target: blocks, sparsity: 0.7, recovery: {tokens: [1000, 5000]}}")
    assert [(cell.unpruned, cell.recovery.tokens) for cell in found if cell.recovery] == [
        (True, 1000),
        (True, 5000),
        (False, 1000),
        (False, 5000),
    ]


def test_what_was_measured_before_these_could_be_asked_for_keeps_its_id(tmp_path: Path) -> None:
    _, cell = cells(
        tmp_path, "{target: blocks, sparsity: 0.5, measure: [perplexity, generation, memory, size, coherence]}"
    )
    assert (MANIFESTS / "reference" / "embedded" / f"{cell.id}.json").is_file()


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ("{criterion: wanda, scope: global, target: blocks, sparsity: 0.5}", "scope `global`; take tensor or row"),
        ("{criterion: sparsegpt, scope: row, target: blocks, sparsity: 0.5}", "take tensor or reference"),
        ("{criterion: wanda, target: embeddings, sparsity: 0.5}", "embeddings are fed nothing"),
        ("{criterion: {name: ria, variant: code}, target: blocks, sparsity: 0.5}", "ria has one variant"),
        ("{criterion: {name: admm, cycles: 3}, target: blocks, sparsity: 0.5}", "admm takes no turns"),
        ("{criterion: {name: dsnot, cycles: 0}, target: blocks, sparsity: 0.5}", "`cycles` is 0; give more"),
        ("{criterion: {name: dsnot, variant: old}, target: blocks, sparsity: 0.5}", "variant"),
        ("{criterion: random, allocation: owl, target: blocks, sparsity: 0.5}", "a criterion other than random"),
        ("{criterion: wanda, allocation: owl, target: blocks, budget: 0.1}", "it goes with a sparsity"),
        ("{target: blocks, pattern: 2:4, sparsity: 0.5}", "leave `sparsity` out"),
        ("{target: blocks, pattern: 2:4, scope: row}", "leave `scope` out"),
        ("{target: blocks, pattern: neurons, sparsity: 0.5}", "give target mlp"),
        ("{target: mlp, pattern: layers, sparsity: 0.5}", "give target blocks or early or late"),
        ("{target: mlp, pattern: neurons, criterion: sparsegpt, sparsity: 0.5}", "take magnitude, wanda or random"),
        ("{target: blocks, pattern: 3:4}", "pattern: "),
        ("{target: blocks, criterion: block-influence, sparsity: 0.5}", "ranks whole layers, no single weights"),
        ("{target: mlp, criterion: block-influence, pattern: neurons, sparsity: 0.5}", "give pattern layers"),
        ("{target: mlp, criterion: reap, pattern: experts, sparsity: 0.5}", "story-mistral has none"),
        ("{target: blocks, criterion: reap, pattern: experts, sparsity: 0.5}", "give target mlp"),
        ("{target: blocks, allocation: block-influence, budget: 0.1}", "block-influence gives each layer"),
        ("{criterion: wanda, target: mlp, sparsity: 0.5, calibration: {name: stories}}", "one that is measured on"),
        ("{target: blocks, sparsity: 0.5, recovery: {tokens: 10, name: stories}}", "is the one that is measured on"),
        ("{target: blocks, sparsity: 0.5, recovery: {batch: 3}}", "the key 'tokens' is missing"),
        ("{target: blocks, sparsity: 0.5, calibration: {path: x.txt}, criterion: wanda}", "needs a name"),
        ("{part: [each, q], sparsity: 0.5}", "`each` stands alone"),
        ("{target: blocks, layers: [each, 0], sparsity: 0.5}", "`each` stands alone"),
        ("{target: blocks, sparsity: 0.5, precision: float8}", "precision: "),
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused_with_what_to_do(tmp_path: Path, grid: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        cells(tmp_path, grid)
    said = str(refused.value)
    assert said.startswith(f"{tmp_path / 'study.yaml'}:5:")
    assert message in said
    assert "\n" not in said


def test_a_width_that_the_pattern_does_not_divide_is_refused_by_name() -> None:
    model = from_catalogue("story-mistral")
    values = {"criterion": "magnitude", "scope": "tensor", "allocation": "uniform", "pattern": "4:8", "budget": None}
    values |= {"target": "blocks", "part": None, "sparsity": 0.5, "cliff": None, "measure": ["perplexity"]}
    odd = (Parameter("model.layers.0.mlp.down_proj.weight", (8, 60), "down", 0),)
    with pytest.raises(InputError, match=r"here: .*down_proj.weight of story-mistral has rows of 60 weights, which 8"):
        check_cell(values, odd, model, lambda key: "here")


def test_a_criterion_that_looks_at_activations_is_calibrated_by_every_seed(tmp_path: Path) -> None:
    grid = "{criterion: [magnitude, wanda], target: blocks, sparsity: [0.3, 0.5], calibration: {seed: [0, 1, 2]}}"
    _, *pruned = cells(tmp_path, grid)
    found = [(cell.criterion, cell.sparsity, cell.calibration and cell.calibration.seed) for cell in pruned]
    assert found == [
        *(("magnitude", sparsity, None) for sparsity in (0.3, 0.5)),
        *(("wanda", sparsity, seed) for sparsity in (0.3, 0.5) for seed in (0, 1, 2)),
    ]


def test_a_text_of_ones_own_needs_a_calibration_text_of_its_own(write_manifest: Write) -> None:
    with pytest.raises(InputError, match="no training text is known for 'few'"):
        read_study(write_manifest("[{criterion: wanda, target: blocks, sparsity: 0.5}]"))
    path = write_manifest("[{criterion: wanda, target: blocks, sparsity: 0.5, calibration: {name: stories-training}}]")
    assert [text.name for text in read_study(path).texts] == ["few", "stories-training"]


def test_what_stays_whole_is_measured_as_its_own_cells_are(tmp_path: Path) -> None:
    grids = "{target: blocks, sparsity: 0.5, measure: [perplexity, generation]}\n"
    grids += "  - {target: blocks, sparsity: 0.5, precision: float8-weights, measure: [perplexity, size]}"
    dense, rounded, *_ = cells(tmp_path, grids)
    assert dense.measure == ("perplexity", "generation", "size")
    assert rounded.unpruned
    assert rounded.measure == ("perplexity", "size")
