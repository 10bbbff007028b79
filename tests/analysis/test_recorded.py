"""Promises of recorded values: as they were recorded, strictly read, and never among the measurements."""

from pathlib import Path

import pytest

from suite.analysis.facts import build_facts
from suite.analysis.recorded import FEBRUARY_2026, beside, read_recorded, recorded_of
from suite.analysis.values import NotMeasured
from suite.errors import InputError
from suite.records.experiment import TextReference
from tests.synthetic import embedded, record

WIKITEXT = TextReference(name="wikitext-2", revision="b08601e04326c79dfdd32d625aee71d232d685c3", join="\n\n")


def test_the_values_of_february_are_those_that_were_recorded():
    found = read_recorded().columns
    assert [c.perplexity for c in found] == [4.0, 6.46, 1239.63, 35789.36]
    assert [c.tokens_per_s for c in found] == [3.19, 16.96, 21.56, 21.61]
    assert [c.gpu_memory_gb for c in found] == [13.76, 14.48, 14.89, 14.89]
    assert [c.linear_layers for c in found] == [0, 225, 225, 225]
    assert [c.coherent for c in found] == [True, True, False, False]


def test_recorded_values_stand_beside_the_same_model_and_cell_only():
    cells = [{}, {"target": "all", "sparsity": 0.5}, {"target": "attention", "sparsity": 0.7}]
    records = [record(model="mistral-7b", text=WIKITEXT, **cell) for cell in cells]
    records += [record(), record(target="all", sparsity=0.9)]
    found = beside(read_recorded(), build_facts(records).cells)
    there = [None if isinstance(b.measured, NotMeasured) else b.measured.sparsity for b in found]
    assert there == [0.0, 0.5, None, None]


def test_recorded_values_are_no_cell_of_any_study():
    values = {column.perplexity for column in read_recorded().columns}
    facts = build_facts(embedded())
    assert not values & {cell.perplexity for cell in facts.cells}
    assert "mistral-7b" not in {model.name for model in facts.models}


def test_recorded_values_stand_on_the_curve_of_their_own_model_text_and_target_only():
    def recorded(model: str = "mistral-7b", text: TextReference = WIKITEXT, target: str = "all"):
        cells = [record(model=model, text=text), record(model=model, text=text, target=target, sparsity=0.5)]
        return recorded_of(read_recorded(), build_facts(cells).main)

    assert recorded() == read_recorded() and recorded().short == "February 2026"
    assert recorded(model="phi-2") is None and recorded(target="blocks") is None
    assert recorded(text=WIKITEXT.model_copy(update={"name": "stories"})) is None


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("perplexity: 6.46", "perplexity: low", r"february\.yaml:\d+:\d+: perplexity"),
        ("perplexity: 6.46", "perplexty: 6.46", r"february\.yaml:\d+:\d+: unknown key 'perplexty'; did you mean"),
        ("coherent: false", "coherent: 0", r"february\.yaml:\d+:\d+: coherent"),
        ("model: mistral-7b\n", "", r"'model' is missing"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_its_place(tmp_path: Path, old, new, says):
    path = tmp_path / "february.yaml"
    path.write_text(FEBRUARY_2026.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=says):
        read_recorded(path)
