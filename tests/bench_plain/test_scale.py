"""The document on a large sweep says what the formulas say."""

import pytest
import scale
from sweep import GOALS, SIZES, SPARSEGPT, SPARSITIES, Cost


def test_the_tables_in_the_document_are_what_the_script_makes():
    text = scale.DOCUMENT.read_text(encoding="utf-8")
    assert scale.rewritten(text) == text
    assert scale.rewritten(text.replace("| 405 B | 1 |", "| 405 B | 2 |")) == text


def test_a_document_without_a_tables_place_is_refused():
    with pytest.raises(ValueError, match="no place <!-- storage"):
        scale.rewritten(scale.DOCUMENT.read_text(encoding="utf-8").replace("<!-- end of storage -->", ""))


def test_the_sweep_is_of_a_hundred_models_and_twenty_thousand_cells():
    assert sum(size.models for size in SIZES) == 100
    assert 100 * scale.WAYS * SPARSITIES == 20_000


@pytest.mark.parametrize(
    ("name", "parameters"), [("0.5 B", 494_032_768), ("8 B", 8_030_261_248), ("405 B", 405_853_388_800)]
)
def test_a_class_has_the_parameters_of_its_public_model(name: str, parameters: int):
    assert next(size for size in SIZES if size.name == name).anatomy.weights == parameters


def test_what_the_document_says_of_its_tables_holds():
    costs = [Cost(size, GOALS) for size in SIZES]
    assert all(SPARSITIES * SPARSEGPT * cost.sparsegpt > cost.cells / 2 for cost in costs)  # most of what a model takes
    largest = [cost for cost in costs if cost.size.name in ("70 B", "405 B")]
    assert sum(cost.size.models for cost in largest) == 6
    assert sum(cost.gpu_hours for cost in largest) > sum(cost.gpu_hours for cost in costs) / 2
    waiting = sum(cost.gpu_hours * (1 - 1 / cost.size.gpus) for cost in largest)
    assert waiting > sum(cost.gpu_hours for cost in largest) / 2
    huge = costs[-1].size
    assert 8 * 80e9 < huge.bytes < 9 * 100e9
    assert round(huge.hessians / 1e9) == 68
    assert round(huge.inner**2 * 4 / 1e9) == 11
