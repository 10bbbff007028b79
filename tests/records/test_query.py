"""Promises of columns and conditions: numbers as numbers, text as text, what was not measured never in the way."""

import pytest

from suite.errors import InputError
from suite.records.columns import COLUMNS
from suite.records.experiment import Calibration
from suite.records.query import condition, ordered_by, select
from tests.invented import TEXT, dequantised, recovery
from tests.synthetic import embedded, record
from tests.trained import FLOOR, training

RECORDS = [
    record(),
    record(target="attention", sparsity=0.5),
    record(target="attention", sparsity=0.07),
    record(target="mlp", sparsity=0.9, error="out of memory"),
    record(target="all", sparsity=0.1, criterion="random", seed=10),
    record(target="all", sparsity=0.1, criterion="random", seed=9),
]


def chosen(*conditions: str) -> list[int]:
    return [RECORDS.index(one) for one in select(RECORDS, map(condition, conditions))]


def test_every_column_can_be_read_of_every_record():
    calibration = Calibration(text=TEXT, samples=128, context=256, seed=0)
    others = [
        record(criterion="wanda", calibration=calibration, pattern="2:4"),
        record(criterion="dsnot", variant="code", cycles=10, calibration=calibration),
        record(precision="float8-weights", baseline_precision="auto", recovery=recovery()),
        training("early", level=4, read=0.1),
        dequantised(),
    ]
    read = {name: {column.read(one) for one in [*embedded(), *others]} for name, column in COLUMNS.items()}
    absent = {name for name, values in read.items() if values == {None}}
    on_a_gpu = {name for name in COLUMNS if name in ("power_w", "energy_j_per_token") or "_peak_" in name}
    on_a_gpu |= {name for name in COLUMNS if name.startswith(("kernels", "captured"))} - {"kernels_why_not"}
    assert absent - on_a_gpu == {"part", "layers", "plugins"}


def test_trainings_are_chosen_by_their_place_in_the_search_and_a_failed_one_has_no_loss():
    found = [training("ticket", level=2, loss=1.0), training("early", level=4, read=0.1), training(error="no number")]
    for written, expected in (("arm=early", [1]), ("read<=10%", [1]), ("level>=2", [0, 1]), ("loss=1", [0])):
        assert [found.index(one) for one in select(found, [condition(written)])] == expected
    assert COLUMNS["loss"].read(found[2]) is None and COLUMNS["loss_floor"].read(found[0]) == FLOOR


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("sparsity=50%", [1]),
        ("sparsity = 0.07", [2]),
        ("sparsity=7 %", [2]),
        ("sparsity>=0.1", [1, 3, 4, 5]),
        ("sparsity>0.1", [1, 3]),
        ("sparsity<=7%", [0, 2]),
        ("seed<10", [5]),
        ("seed==10", [4]),
        ("model~mistral", [0, 1, 2, 3, 4, 5]),
        ("what~tent", [1, 2]),
        ("target=attention", [1, 2]),
        ("target!=attention", [0, 3, 4, 5]),
        ("status=failed", [3]),
        ("ratio!=1", [1, 2, 3, 4, 5]),
        ("ratio>0", [0, 1, 2, 4, 5]),
        ("error~memory", [3]),
    ],
)
def test_a_condition_chooses(written: str, expected: list[int]):
    assert chosen(written) == expected


def test_all_conditions_must_hold():
    assert chosen("target=attention", "sparsity<0.1") == [2]


@pytest.mark.parametrize("operator", ["=", "<", "<=", ">", ">=", "~"])
def test_what_was_not_measured_satisfies_nothing_but_being_unequal(operator: str):
    assert 3 not in chosen(f"perplexity{operator}1.5")
    assert 3 in chosen("perplexity!=1.5")


@pytest.mark.parametrize("written", ["", "ratio", "ratio<", "<2", "ratio<abc", "ratio<nan", "rato<2", "sparsity<50"])
def test_a_condition_that_cannot_be_meant_is_refused(written: str):
    with pytest.raises(InputError):
        condition(written)


def test_what_was_not_measured_comes_last_in_both_directions():
    up, down = ordered_by(RECORDS, ["ratio"]), ordered_by(RECORDS, ["-ratio"])
    assert up[-1] is down[-1] is RECORDS[3]
    assert up[:-1] != down[:-1] and up[0] is RECORDS[0]


def test_the_first_key_is_foremost_and_ties_keep_their_order():
    keys = ordered_by(RECORDS, ["criterion", "-seed"])
    assert [RECORDS.index(one) for one in keys] == [1, 2, 3, 0, 4, 5]
    assert [RECORDS.index(one) for one in ordered_by(RECORDS, ["model"])] == [0, 1, 2, 3, 4, 5]
