"""The suite and the plain script everybody writes first come to the same, and where they do not it is said."""

import itertools
import json
from pathlib import Path

import against_plain
import comparison
import pytest
import torch
from plain import Cell, layers
from sides import Likeness, by_suite, even_choice, likeness

from suite.bench.shapes import shaped
from suite.manifest import read_study
from suite.models.anatomy import Anatomy
from suite.models.loading import LoadedModel, load_model
from suite.models.source import from_folder
from suite.records import Record


def test_both_sides_do_the_same_cells_with_equal_masks_and_perplexities(tmp_path: Path, monkeypatch, capsys):
    file = tmp_path / "figures.json"
    options = ["--size", "0.3M", "--cells", "5", "--dtypes", "float32", "--json", str(file)]
    monkeypatch.setattr("sys.argv", ["against_plain.py", *options])
    with pytest.raises(SystemExit) as ended:
        against_plain.main()
    assert not ended.value.code
    assert "masks equal in 5 of 5 cells" in capsys.readouterr().out
    rows = json.loads(file.read_text())["rows"]
    assert [row["stage"] for row in rows] == ["study", "load", "restore", "prune", "evaluate", "generate"]
    assert all(row["value"] > 0 for row in rows)
    assert rows[0]["target"] == {"sense": "at least", "value": 2.0}


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The manifest of phase 2 over a tiny model and a short window."""
    monkeypatch.setattr(against_plain, "CONTEXT", 64)
    return against_plain.write_study(tmp_path, "0.3M", "float32", "float32")[0]


Pair = tuple[Record, Cell, LoadedModel]


def attention(folder: Path, dtype: str) -> Pair:
    """The suite's record of a cell of attention, the plain script's cell, and the model."""
    study, _ = against_plain.write_study(folder, "0.3M", dtype, dtype)
    records: list[Record] = []
    by_suite(study, 5, folder / "results", records.append)
    record = next(one for one in records if one.experiment.target == "attention")
    loaded = load_model(from_folder("0.3M", folder / "model"), dtype, "a test")
    return record, Cell(str(folder / "model"), "attention", record.experiment.sparsity, loaded.dtype), loaded


def test_the_suites_stages_add_up_to_its_time_without_what_goes_on_between(study: Path, tmp_path: Path, monkeypatch):
    now = itertools.count()
    seen: list[Record] = []
    monkeypatch.setattr("sides.time.perf_counter", lambda: next(now))  # a tick a look

    def between(record: Record) -> None:
        seen.append(record)
        for _ in range(100_000):
            next(now)

    watch = by_suite(study, 3, tmp_path / "results", between)
    counts = {stage: len(laps) for stage, laps in watch.laps.items()}
    assert counts == {"text": 1, "load": 1, "evaluate": 3, "keep": 1, "prune": 2, "restore": 2, "check": 1}
    assert len(seen) == 3
    assert watch.total < 100_000


def test_the_cells_are_an_even_choice_with_the_dense_one_first(study: Path):
    whole = read_study(study)
    assert even_choice(whole, 20) == whole.experiments
    assert even_choice(whole, 99) == whole.experiments
    chosen = even_choice(whole, 5)
    assert chosen[0].dense
    assert len({one.target for one in chosen[1:]}) == 4


@pytest.mark.parametrize("target", ["all", "attention", "mlp", "early", "late", "embeddings", "lm_head"])
def test_the_plain_script_prunes_the_layers_that_the_suite_does(study: Path, target: str):
    cell = Cell(str(study.parent / "model"), None, 0.0, torch.float32)
    chosen = {id(layer.weight) for layer in layers(cell.model, target)}
    names = {name for name, parameter in cell.model.named_parameters() if id(parameter) in chosen}
    anatomy = Anatomy(shaped("0.4B", **against_plain.SIZES["0.3M"]).to_dict())
    assert names == {parameter.name for parameter in anatomy.select(target)}


def test_another_choice_among_equal_magnitudes_is_counted_and_is_no_trouble(tmp_path: Path):
    record, cell, loaded = attention(tmp_path, "bfloat16")  # which knows few magnitudes
    found = likeness(cell, record.perplexity.value, record, loaded)
    assert found.zeros
    assert found.differing > 0
    assert found.ties
    assert comparison.Comparison("bfloat16", "bfloat16", alike=[found, Likeness(True, 0, True, 0.0)]).trouble() is None


def test_another_choice_among_unequal_magnitudes_is_trouble(tmp_path: Path):
    record, cell, loaded = attention(tmp_path, "float32")
    assert likeness(cell, record.perplexity.value, record, loaded).differing == 0
    weight = cell.model.get_parameter(next(iter(record.pruning.per_tensor))).data.view(-1)
    weight[[int((weight == 0).nonzero()[0]), int(weight.abs().argmax())]] = torch.tensor([1.0, 0.0])
    found = likeness(cell, record.perplexity.value, record, loaded)
    assert (found.zeros, found.differing, found.ties) == (True, 2, False)
    assert "masks differ" in (comparison.Comparison("float32", "float32", alike=[found]).trouble() or "")


def test_one_zero_too_many_is_trouble(tmp_path: Path):
    record, cell, loaded = attention(tmp_path, "float32")
    weight = cell.model.get_parameter(next(iter(record.pruning.per_tensor))).data.view(-1)
    weight[int(weight.abs().argmax())] = 0
    found = likeness(cell, record.perplexity.value, record, loaded)
    assert (found.zeros, found.differing) == (False, 1)
    assert "masks differ" in (comparison.Comparison("float32", "float32", alike=[found]).trouble() or "")


def test_a_model_that_is_cast_as_it_is_loaded_comes_to_the_same(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(against_plain, "CONTEXT", 64)
    found = against_plain.compare(tmp_path, "0.3M", "float32", "float16", 3)
    assert found.trouble() is None
    assert found.precision == "float32 of float16 files"


def test_perplexities_that_differ_under_equal_masks_are_trouble_in_float32_alone():
    alike = [Likeness(zeros=True, differing=0, ties=True, perplexity=1e-4)]
    assert "perplexities" in (comparison.Comparison("float32", "float32", alike=alike).trouble() or "")
    assert comparison.Comparison("bfloat16", "bfloat16", alike=alike).trouble() is None


def test_the_suite_in_bfloat16_is_held_against_the_script_in_float32_too():
    plain = [{"load": 1.0, "evaluate": 5.0}]
    found = {
        "float32": comparison.Comparison("float32", "float32", suite={"evaluate": [4.0]}, plain=plain),
        "bfloat16": comparison.Comparison("bfloat16", "bfloat16", suite={"load": [1.0], "evaluate": [1.0]}),
    }
    assert comparison.across(found, "tiny").value == 3.0


def test_what_the_hardware_does_not_compute_in_is_not_measured(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(against_plain, "native_dtypes", lambda device: (torch.float32,))
    file = tmp_path / "figures.json"
    monkeypatch.setattr("sys.argv", ["against_plain.py", "--dtypes", "bfloat16", "--json", str(file)])
    with pytest.raises(SystemExit) as ended:
        against_plain.main()
    assert not ended.value.code
    assert json.loads(file.read_text())["rows"][0]["value"] is None
