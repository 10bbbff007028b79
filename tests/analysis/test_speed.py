"""Promises of speed: equal is shown by a test of equivalence, and only like is compared with like."""

import pytest

from suite.analysis.facts import build_facts
from suite.analysis.speed import speed_table, welch
from suite.analysis.values import NotMeasured, Verdict
from suite.records.schema import Board, Interval, Speed
from tests.invented import timed, with_speed
from tests.synthetic import phase1, record
from tests.told import claims


@pytest.mark.parametrize(
    ("median", "width", "verdict"),
    [(100.5, 0.5, Verdict.HOLDS), (101.0, 5.0, Verdict.UNKNOWN), (150.0, 2.0, Verdict.FAILS)],
)
def test_decode_speed_is_equal_different_or_open(median, width, verdict):
    dense = with_speed(record(), timed(100.0, 0.5))
    pruned = [with_speed(found, timed(median, width)) for found in phase1()[1:]]
    assert claims([dense, *pruned])["speed_unchanged"].verdict is verdict


def test_the_interval_is_welch_s_on_the_logarithms():
    """Against the textbook: equal variances of five repeats each give 8 degrees of freedom and t = 1.8595."""
    one, other = timed(100.0, 2.0), timed(100.0, 2.0)
    found = welch(one, other)
    assert isinstance(found, Interval) and found.level == 0.90
    assert found.high == pytest.approx(1 + 1.8595 * (2 * (0.025 * 0.01) / 5) ** 0.5, rel=1e-3)
    assert found.low * found.high == pytest.approx(1.0)


def test_a_single_repeat_shows_nothing():
    lone = Speed(median=100.0, quartiles=(100.0, 100.0), p99=100.0, repeats=1, values=(100.0,))
    assert isinstance(welch(lone, timed(100.0, 0.1)), NotMeasured)
    dense = with_speed(record(), lone)
    pruned = [with_speed(found, timed(100.0, 0.1)) for found in phase1()[1:]]
    assert claims([dense, *pruned])["speed_unchanged"].verdict is Verdict.UNKNOWN


def test_speeds_of_different_machines_are_never_compared():
    dense = with_speed(record(), timed(3.2, 0.1), hardware="T4")
    pruned = [with_speed(found, timed(17.0, 0.1), hardware="V100") for found in phase1()[1:]]
    facts = build_facts([dense, *pruned])
    assert facts.main.speed is None and "speed_unchanged" not in claims(facts)
    assert speed_table(NotMeasured("no dense run"), facts.cells) is None


def test_the_board_s_instruments_stand_beside_the_speeds_where_there_are_any():
    board = Board(sm_clock_mhz=1380.0, power_w=212.0, temperature_c=61.0, energy_j_per_token=9.0)
    found = build_facts([with_speed(one, timed(100.0, 0.5), board=board) for one in phase1()]).main.speed
    assert found and found.has_board and found.rows[1].board == board
    bare = build_facts(phase1()).main.speed
    assert bare and not bare.has_board


def test_a_pruned_model_is_held_against_the_dense_model_timed_beside_it():
    """A machine that wakes up after the dense run makes no pruned model faster."""
    dense = with_speed(record(), timed(50.0, 0.1))
    pruned = []
    for found in phase1()[1:]:
        cell = with_speed(found, timed(100.0, 0.1))
        beside = cell.generation.model_copy(update={"dense_decode_tokens_per_s": timed(100.2, 0.1)})
        pruned.append(cell.model_copy(update={"generation": beside}))
    assert claims([dense, *pruned])["speed_unchanged"].verdict is Verdict.HOLDS


def test_one_odd_cell_of_many_does_not_refute_it_unless_it_is_odd_beyond_chance():
    def study(widths: list[float]) -> Verdict:
        cells = [record(target="all", sparsity=s / 100) for s in range(1, 1 + len(widths))]
        pruned = [with_speed(cell, timed(108.0, width)) for cell, width in zip(cells, widths, strict=True)]
        return claims([with_speed(record(), timed(100.0, 0.1)), *pruned])["speed_unchanged"].verdict

    assert study([5.5]) is Verdict.FAILS
    assert study([5.5] * 20) is Verdict.UNKNOWN
    assert study([0.1] * 20) is Verdict.FAILS


def test_blocks_and_not_repeats_count_where_there_are_any():
    """A burst that slowed one of two blocks is no effect; two blocks that agree are."""
    steady = timed(100.0, 0.1).values
    slow = tuple(value * 0.8 for value in steady)

    def speed(*blocks: tuple[float, ...]) -> Speed:
        values = tuple(value for block in blocks for value in block)
        return timed(100.0, 0.1).model_copy(update={"values": values, "repeats": len(values), "blocks": len(blocks)})

    disturbed = welch(speed(slow, steady), speed(steady, steady))
    assert disturbed.low < 1 < disturbed.high
    changed = welch(speed(slow, slow), speed(steady, steady))
    assert changed.high < 0.81


def test_speeds_over_another_number_of_tokens_are_not_compared():
    """The later of more tokens attend to more before them."""
    dense, pruned = (with_speed(found, timed(100.0, 0.5)) for found in phase1()[:2])
    assert build_facts([dense, pruned]).main.speed
    shorter = pruned.generation.model_copy(update={"new_tokens": 20})
    found = [dense, pruned.model_copy(update={"generation": shorter})]
    assert build_facts(found).main.speed is None
    beside = shorter.model_copy(update={"dense_decode_tokens_per_s": timed(100.0, 0.5)})
    found = [dense, pruned, pruned_again(pruned, beside)]
    table = build_facts(found).main.speed
    assert table and len(table.pruned) == 1 and table.refused == 1


def pruned_again(pruned, generation):
    experiment = pruned.experiment.model_copy(update={"sparsity": 0.77})
    return pruned.model_copy(update={"experiment": experiment, "id": experiment.id, "generation": generation})
