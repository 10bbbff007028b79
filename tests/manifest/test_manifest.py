"""A manifest is strict: whatever is wrong is told with file, line and column; what is right expands to its cells."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from suite.errors import InputError
from suite.manifest import Manifest, read_study
from suite.manifest.expand import describe
from suite.paths import MANIFESTS

Write = Callable[..., Path]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: a\nmodels: mistral-7b\ntext: wikitext-2\nsparsity: 1.2\n", r":4:11: sparsity: .*less than or equal to 1"),
        ("title: a\nmodels: mistral-7b\ntext: wikitext-2\nsparsity: [0.5, 0]\n", r":4:17: sparsity: .*greater than 0"),
        ("title: a\nmodels: mistral-7b\ntext: wikitext-2\nsparsity: high\n", r":4:11: sparsity: .*number.*'high'"),
        ("title: a\nmodels: mistral-7b\ntext: wikitext-2\nsparsty: 0.5\n", r":4:1: unknown key 'sparsty'; did you mean 'sparsity'"),
        (
            "title: a\nmodels: mistral-7b\ntext: wikitext-2\nexperiments:\n  - target: all\n    sparsty: 0.5\n",
            r":6:5: unknown key 'sparsty'; did you mean 'sparsity'",
        ),
        ("title: a\nmodels: [{nam: x}]\ntext: wikitext-2\n", r":2:11: unknown key 'nam'; did you mean 'name'"),
        ("models: mistral-7b\ntext: wikitext-2\n", r"the key 'title' is missing"),
        ("title: a\nmodels: mistral-8b\ntext: wikitext-2\n", r":2:9: no model is called 'mistral-8b'"),
        ("title: a\nmodels: [mistral-7b, mistral-7b]\ntext: wikitext-2\n", r":2:9: model 'mistral-7b' is listed twice"),
        ("title: a\nmodels: mistral-7b\ntext: wikitext-2\nwindows: 0\n", r":4:10: windows: .*greater than or equal to 1.*0"),
        ("title: a\nmodels: mistral-7b\ntext: wikitext-2\nwindows: 1.5\n", r":4:10: windows: .*valid integer.*1.5"),
        ("title: a\nmodels: mistral-7b\ntext: wikitext-2\nbos: twice\n", r":4:6: bos: .*'once' or 'each'.*'twice'"),
        ("title: a\nmodels: mistral-7b\ntext: wikitext-3\n", r":3:7: no text is called 'wikitext-3'"),
        ("title: a\nmodels: {name: m, path: nowhere}\ntext: wikitext-2\n", r":2:9: model 'm': there is no directory"),
        ("title: a\nmodels: {name: ../m, path: x}\ntext: wikitext-2\n", r":2:16: name: .*match pattern"),
        ("title: a\nmodels: {name: m, repository: a/b}\ntext: wikitext-2\n", r"needs repository and revision together"),
        ("title: a\nmodels: mistral-7b\ntext: wikitext-2\ntarget: everything\n", r":4:9: target 'everything' is not one of"),
        ("title: a\nmodels: mistral-7b\ntext: wikitext-2\nlayers: 7-3\n", r":4:9: layers '7-3' is not of the form"),
        ("title: a\nmodels: mistral-7b\ntext: wikitext-2\ncriterion: none\n", r":4:12: criterion: the dense baseline"),
        ("title: a\nmodels: mistral-7b\ntext: wikitext-2\ncriterion: best\n", r":4:12: criterion 'best' is not one of"),
        ("title: a\nmodels: mistral-7b\ntext: wikitext-2\nexperiments:\n  - {target: all}\n", r":5:5: a grid needs a sparsity"),
        ("title: a\nmodels: mistral-7b\ntext: wikitext-2\nexperiments:\n  - {sparsity: 0.5}\n", r":5:5: a grid needs a target"),
        (
            "title: a\nmodels: mistral-7b\ntext: wikitext-2\nexperiments:\n  - {target: all, part: q, sparsity: 0.5}\n",
            r":5:5: give target or part, not both",
        ),
        (
            "title: a\nmodels: mistral-7b\ntext: wikitext-2\nexperiments:\n  - {target: attention, budget: 0.3}\n",
            r":5:33: a budget of 0.3 is .* more than the .* weights of its target attention",
        ),
        (
            "title: a\nmodels: mistral-7b\ntext: wikitext-2\nexperiments:\n  - {part: gate, layers: 40, sparsity: 0.5}\n",
            r":5:5: layers '40': the model has 32 layers",
        ),
        (
            "title: a\nmodels: phi-2\ntext: wikitext-2\nexperiments:\n  - {part: gate, sparsity: 0.5}\n",
            r":5:5: gate matches no weights",
        ),
        (
            "title: a\nmodels: mistral-7b\ntext: wikitext-2\nexperiments:\n"
            "  - {target: all, sparsity: [0.3, 0.5]}\n  - {target: [mlp, all], sparsity: 0.5}\n",
            r":6:5: the cell mistral-7b all 50 % is a duplicate of one at .*:5:5",
        ),
        (
            "title: a\nmodels: mistral-7b\ntext: wikitext-2\nexperiments:\n"
            "  - {models: phi-2, target: all, sparsity: 0.5}\n",
            r":5:14: model 'phi-2' is not among the manifest's models",
        ),
        ("title: a\nmodels: phi-2\ntext: wikitext-2\ncontext: 4096\n", r":4:10: windows of 4096 tokens are longer than the 2048"),
        ("title: a\ntitle: b\n", r":2:1: 'title' is given twice"),
        ("title: [a\n", r":\d:\d: this is not YAML"),
        ("", r"this file holds nothing"),
        ("- a\n", r"this file holds a list"),
        ("title: a\nmodels: !!python/object:os.system x\n", r":2:9: this is not YAML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as told:
        read_study(path)
    assert str(path) in str(told.value)
    assert re.search(message, str(told.value)), str(told.value)
    assert "\n" not in str(told.value)


def test_a_manifest_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*nowhere.yaml: No such file"):
        read_study(tmp_path / "nowhere.yaml")


def test_the_suites_own_manifests_are_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_study(Path("manifests/phase1.yaml")).name == "phase1"


def test_phase_1_is_the_curve_with_its_random_control() -> None:
    study = read_study(MANIFESTS / "phase1.yaml")
    curve = [e.sparsity for e in study.experiments if e.criterion == "magnitude"]
    assert curve == [0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 0.9]
    assert Counter(e.criterion for e in study.experiments) == {"none": 1, "magnitude": 11, "random": 15}
    assert {e.target for e in study.experiments if not e.dense} == {"all"}


def test_phase_2_is_the_20_cells_of_the_first_study() -> None:
    study = read_study(MANIFESTS / "phase2.yaml")
    assert len(study.experiments) == 20
    assert study.experiments[0].dense
    cells = {(e.target, e.sparsity) for e in study.experiments[1:]}
    assert {("embeddings", 0.3), ("lm_head", 0.3), ("attention", 0.9), ("mlp", 0.9), ("early", 0.7)} <= cells
    assert study.context == 2048
    assert study.text.reference.join == "\n\n"


def test_phase_3_repeats_phase_2_on_five_models() -> None:
    phase2 = {(e.target, e.sparsity) for e in read_study(MANIFESTS / "phase2.yaml").experiments}
    study = read_study(MANIFESTS / "phase3.yaml")
    assert len(study.models) == 5
    for model in study.models:
        assert phase2 <= {(e.target, e.sparsity) for e in study.cells(model) if e.budget is None}


def test_the_phases_share_cells_by_id() -> None:
    phase2 = {e.id for e in read_study(MANIFESTS / "phase2.yaml").experiments}
    assert phase2 <= {e.id for e in read_study(MANIFESTS / "phase3.yaml").experiments}


def test_every_shipped_manifest_reads() -> None:
    for path in MANIFESTS.glob("*.yaml"):
        study = read_study(path)
        assert len({e.id for e in study.experiments}) == len(study.experiments)
        for model in study.models:
            first = study.cells(model)[0]
            assert first.dense or (first.training and first.training.arm == "dense")


def test_the_published_schema_is_the_manifests() -> None:
    assert json.loads((MANIFESTS / "manifest.schema.json").read_text()) == Manifest.model_json_schema()


def test_seeds_are_for_random_choices_only(write_manifest: Write) -> None:
    path = write_manifest("[{target: blocks, criterion: [magnitude, random], sparsity: 0.5, seed: [3, 4]}]")
    cells = read_study(path).experiments[1:]
    assert [(e.criterion, e.seed) for e in cells] == [("magnitude", None), ("random", 3), ("random", 4)]


def test_the_top_gives_defaults_and_a_grid_overrules_them(write_manifest: Write) -> None:
    path = write_manifest(
        "[{}, {target: mlp, budget: 0.1}, {part: [q, down], layers: 0-1}]", target="attention", sparsity="0.5"
    )
    cells = read_study(path).experiments[1:]
    assert [describe(e) for e in cells] == [
        "tiny attention 50 %",
        "tiny mlp 16.67 % (budget 10 %)",
        "tiny q+down, layers 0-1 50 %",
    ]


def test_an_id_says_what_was_asked_and_not_where_files_lie(
    write_manifest: Write, tmp_path: Path, mistral: Path
) -> None:
    import shutil

    first = read_study(write_manifest()).experiments
    elsewhere = shutil.copytree(mistral, tmp_path / "elsewhere")
    second = read_study(write_manifest(models=f"[{{name: tiny, path: {elsewhere}}}]")).experiments
    third = read_study(write_manifest(context="32")).experiments
    assert [e.id for e in first] == [e.id for e in second]
    assert not {e.id for e in first} & {e.id for e in third}


def test_the_dense_baseline_is_measured_in_every_way_a_cell_is(write_manifest: Write) -> None:
    path = write_manifest("[{target: mlp, sparsity: 0.5, measure: memory}, {target: mlp, sparsity: 0.6}]")
    assert read_study(path).experiments[0].measure == ("perplexity", "memory")


def test_a_model_may_have_other_windows_than_the_manifest(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(
        "title: a\ntext: wikitext-2\nwindows: 16\n"
        "models: [mistral-7b, {name: qwen2.5-0.5b, windows: 4, bos: each}]\n"
        "experiments: [{target: all, sparsity: 0.5}, {target: all, cliff: 2}]\n"
    )
    study = read_study(path)
    asked = {(one.model, one.windows, one.bos) for one in study.experiments}
    asked |= {(one.template.model, one.template.windows, one.template.bos) for one in study.searches}
    assert asked == {("mistral-7b", 16, "once"), ("qwen2.5-0.5b", 4, "each")}


def test_former_names_of_keys_and_values_are_read(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    common = "title: a\nmodels: {name: m, architecture: {model_type: llama, hidden_size: 8, intermediate_size: 8, "
    common += "num_hidden_layers: 1, num_attention_heads: 2}}\ntext: short-stories\ncontext: 16\n"
    ids = []
    for arms, longer in (
        ("[fresh, rate-rewinding, small]", "plateau"),
        ("[random-reinit, learning-rate-rewinding, small-dense]", "dense_longer"),
    ):
        path.write_text(f"{common}ticket: {{levels: 1, arms: {arms}, {longer}: 2, steps: 8, learning_rate: 0.1}}\n")
        ids.append([one.id for one in read_study(path).experiments])
    assert ids[0] == ids[1]
    for scope in ("published", "reference"):
        path.write_text(
            f"title: a\nmodels: mistral-7b\ntext: wikitext-2\nscope: {scope}\ntarget: all\nexperiments: [sparsity: 0.5]\n"
        )
        ids.append([one.id for one in read_study(path).experiments])
    assert ids[2] == ids[3]
