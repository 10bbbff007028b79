"""Promises about masks: where survivors are, whether they are found again, whether early, and whether in one basin."""

from __future__ import annotations

import pytest

from suite.analysis.facts import build_facts
from suite.analysis.ticket.facts import TicketFacts
from suite.analysis.ticket.rivals import excess
from suite.analysis.values import NotMeasured, Verdict
from suite.models.anatomy import ARCHITECTURES, Anatomy
from suite.protocol import EARLY, MATCH
from suite.records.experiment import Training
from suite.records.schema import Record
from suite.records.trained import Overlap, Overlaps
from tests.told import claims
from tests.trained import COMPARED, DENSE, DENSITY, PLATEAU, READ, full, quick, training

SEEDS = range(5)


def facts(records: list[Record]) -> TicketFacts:
    (found,) = build_facts(records).tickets
    return found


def tickets(**changes: object) -> list[Record]:
    """A ticket of every seed that matches at its one level, and what it is held against."""
    found = [training(arm, seed, loss=PLATEAU) for arm in ("dense", "dense-longer") for seed in SEEDS]
    return found + [training("ticket", seed, level=1, loss=PLATEAU, **changes) for seed in SEEDS]


def test_survivors_are_by_part_and_layer_at_the_sparsest_level_that_matches():
    found = facts(quick())
    survivors = found.survivors
    assert survivors.level == found.matched.level == 12 and survivors.overall == found.matched.remaining
    assert survivors.parts == ("q", "k", "v", "o", "gate", "up", "down") and survivors.layers == (0, 1)
    assert survivors.seeds == 2 and len(survivors.share) == 14
    for part, density in DENSITY.items():
        assert survivors.share[part, 1] == pytest.approx(survivors.overall ** (1 / density), abs=1e-3)


def test_survivors_are_means_over_the_seeds():
    records = tickets()
    bare = records[-1]
    counts = {
        name: count.model_copy(update={"zeros": count.weights}) for name, count in bare.pruning.per_tensor.items()
    }
    records[-1] = bare.model_copy(update={"pruning": bare.pruning.model_copy(update={"per_tensor": counts})})
    whole, less = facts(tickets()).survivors.share, facts(records).survivors.share
    assert all(less[spot] == pytest.approx(0.8 * whole[spot]) for spot in whole)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_every_linear_weight_of_every_architecture_has_its_place(kind: str):
    config = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 12, "num_attention_heads": 2}
    anatomy = Anatomy({"model_type": kind, "vocab_size": 9, **config})
    records = tickets()
    count = next(iter(records[-1].pruning.per_tensor.values()))
    counts = {parameter.name: count for parameter in anatomy.parameters}
    pruning = records[-1].pruning.model_copy(update={"per_tensor": counts})
    records = [one.model_copy(update={"pruning": pruning if one.pruning else None}) for one in records]
    wanted = {(parameter.part, parameter.layer) for parameter in anatomy.block_linears}
    assert set(facts(records).survivors.share) == wanted and len(wanted) == len(anatomy.block_linears)


def test_excess_is_nothing_by_chance_and_one_for_the_same_mask():
    assert excess(Overlap(shared=0.3, chance=0.3)) == 0 and excess(Overlap(shared=1.0, chance=0.3)) == 1
    assert excess(None) is None and excess(Overlap(shared=1.0, chance=1.0)) is None


@pytest.mark.parametrize(("beyond", "verdict"), [(0.2, Verdict.HOLDS), (-0.2, Verdict.FAILS), (0.0, Verdict.UNKNOWN)])
def test_masks_of_two_orders_agree_only_where_the_interval_is_beyond_chance(beyond: float, verdict: Verdict):
    records = tickets()
    for seed in SEEDS:
        shared = 0.5 + beyond + 0.01 * (seed - 2)
        overlaps = Overlaps(other_order=Overlap(shared=shared, chance=0.5))
        records.append(training("ticket", seed, level=1, order=1, overlaps=overlaps))
    found = build_facts(records)
    (row,) = found.tickets[0].orders
    assert row.excess.mean == pytest.approx(2 * beyond) and row.verdict is verdict
    assert claims(found)["masks_agree_beyond_chance"].verdict is verdict


def test_of_more_than_two_orders_the_mean_counts_once_for_a_seed():
    records = tickets()
    for order, shared in ((1, 0.6), (2, 0.8)):
        overlaps = Overlaps(other_order=Overlap(shared=shared, chance=0.5))
        records += [training("ticket", seed, level=1, order=order, overlaps=overlaps) for seed in SEEDS]
    (row,) = facts(records).orders
    assert row.shared.n == 5 and row.shared.mean == pytest.approx(0.7) and row.excess.mean == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("between", "barrier", "verdict"),
    [
        (PLATEAU - 0.1, 0.0, Verdict.HOLDS),
        (PLATEAU + MATCH / 2, MATCH / 2, Verdict.HOLDS),
        (PLATEAU + 0.3, 0.3, Verdict.FAILS),
    ],
)
def test_a_barrier_is_what_the_line_has_above_the_higher_of_its_ends(between, barrier, verdict):
    found = build_facts(tickets(path=(PLATEAU - 0.2, between, PLATEAU)))
    (row,) = found.tickets[0].basins
    assert row.barrier.mean == pytest.approx(barrier) and claims(found)["one_basin"].verdict is verdict
    assert row.course == pytest.approx((PLATEAU - 0.2, between, PLATEAU))


def test_a_barrier_whose_bound_is_above_the_margin_leaves_it_open():
    records = tickets()[:10]
    for seed in SEEDS:
        path = (PLATEAU, PLATEAU + MATCH * (0.5 + 0.25 * seed), PLATEAU)
        records.append(training("ticket", seed, level=1, loss=PLATEAU, path=path))
    assert claims(records)["one_basin"].verdict is Verdict.UNKNOWN


def test_lines_to_another_order_of_the_data_stand_beside_those_to_the_tickets():
    rows = facts(full()).basins
    assert {(row.level, row.order) for row in rows if not row.level} == {(0, 1)}
    assert {(row.rewind, row.order) for row in rows if row.level} == {(0.0, 0), (0.05, 0), (0.0, 1)}


def early(good_from: float) -> list[Record]:
    """Readings at one level that are as good as the ticket from a share of the training on."""

    def law(asked: Training, share: float) -> float:
        if asked.arm == "dense":
            return DENSE
        return PLATEAU + (0.5 if asked.arm == "early" and (asked.read or 0) < good_from else 0.0)

    found = quick(SEEDS, levels=1, law=law)
    return found + [training("early", seed, level=1, read=read, law=law) for seed in SEEDS for read in READ]


@pytest.mark.parametrize(
    ("good_from", "earliest", "verdict"),
    [(0.05, 0.05, Verdict.HOLDS), (EARLY, EARLY, Verdict.HOLDS), (0.5, 0.5, Verdict.FAILS), (9.0, None, Verdict.FAILS)],
)
def test_the_earliest_reading_is_the_one_planted_and_within_a_tenth_is_early(good_from, earliest, verdict):
    found = build_facts(early(good_from))
    (readings,) = found.tickets[0].early
    assert [row.read for row in readings.rows] == list(READ)
    for row in (readings.as_good, readings.matching):
        assert (row.read if row else None) == earliest
    assert claims(found)["ticket_read_early"].verdict is verdict


def test_an_early_reading_counts_only_where_all_later_ones_are_as_good():
    lucky = [training("early", seed, level=1, read=0.01, loss=PLATEAU) for seed in SEEDS]
    records = {one.id: one for one in [*early(0.5), *lucky]}
    (readings,) = facts(list(records.values())).early
    assert readings.as_good.read == 0.5


def test_readings_all_late_leave_open_whether_the_ticket_can_be_read_early():
    late = [one for one in early(0.0) if (one.experiment.training.read or 1) >= 0.5]
    assert claims(late)["ticket_read_early"].verdict is Verdict.UNKNOWN


def test_readings_say_how_much_they_share_with_the_last_mask_and_the_tickets():
    found = facts(full())
    assert [readings.level for readings in found.early] == [7, 11] and set(COMPARED) >= {7, 11}
    last = found.early[0].rows[-1]
    assert last.last.mean == pytest.approx(1.0) and last.ticket.mean == pytest.approx(0.8)
    assert last.behind_ticket.n == 5
    alone = facts([training("early", 0, level=3, read=0.5)]).early[0].rows[0]
    assert isinstance(alone.behind_ticket.mean, NotMeasured) and isinstance(alone.behind_plateau.mean, NotMeasured)
