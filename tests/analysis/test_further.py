"""Promises of the facts beyond plain pruning: each is decided by intervals, and says so where they do not decide it."""

from __future__ import annotations

import math

import pytest

from suite.analysis.facts import build_facts
from suite.analysis.precision import EVEN, LESS, MORE, OPEN
from suite.analysis.values import NotMeasured, Verdict
from suite.records.schema import Interval
from suite.report.contents import contents_of
from tests.altered import FLOAT8, criteria, mapped, on_kernels, patterns, precision, recovered, structured
from tests.invented import record, recovery, with_speed
from tests.told import claims, found

QUIET = 0.0005  # nats by which windows stray where a test wants intervals that decide


def test_criteria_stand_side_by_side_with_how_far_each_is_tolerated_and_what_it_costs():
    one = found("criteria", criteria())[0]
    assert [line.name for line in one.lines] == ["magnitude", "Wanda", "Wanda, OWL", "SparseGPT", "random"]
    assert one.sparsities == (0.3, 0.5, 0.6, 0.7, 0.8) and one.furthest.name == "SparseGPT"
    costs = {line.name: line.cost for line in one.lines}
    assert costs["SparseGPT"].seconds == 12.0 > costs["Wanda"].seconds > costs["magnitude"].seconds
    assert costs["SparseGPT"].cells == 5
    assert costs["SparseGPT"].peak > costs["magnitude"].peak == 700_000_000


def test_costs_are_of_one_machine():
    cells = [record(target="blocks", sparsity=s, criterion=c) for s in (0.3, 0.5, 0.7) for c in ("magnitude", "wanda")]
    elsewhere = [with_speed(one, one.generation.decode_tokens_per_s, "another") for one in cells[-1:]]
    (one,) = found("criteria", [record(), *cells[:-1], *elsewhere])
    assert one.hardware == "2 cores of a synthetic processor" and one.line("wanda").cost.cells == 2


def test_a_point_counted_as_published_makes_no_line_beside_its_criterion_s_curve():
    published = record(target="blocks", sparsity=0.5, criterion="wanda", scope="reference")
    names = [line.name for line in found("criteria", [*criteria(), published])[0].lines]
    assert names.count("Wanda") == 1 and "Wanda, as published" not in names


def test_criteria_are_held_against_each_other_where_much_goes_and_the_claim_is_graded():
    told = claims(criteria())
    for name in ("sparsegpt_beats_magnitude", "wanda_beats_magnitude", "magnitude_beats_random", "owl_beats_uniform"):
        assert told[name].verdict is Verdict.HOLDS, name
    claim = told["sparsegpt_beats_wanda"]
    assert {match.better.sparsity for match in claim["found"].matches} == {0.6, 0.7, 0.8}
    assert len(claim["found"].matches) == claim["wins"] + claim["losses"] + claim["undecided"] == 6
    wrecked = [record(9.0, target="blocks", sparsity=0.8, criterion="wanda")]
    others = [one for one in criteria() if one.id != wrecked[0].id]
    claim = claims([*others, *wrecked])["wanda_beats_magnitude"]
    assert claim.verdict is Verdict.MIXED and (claim["wins"], claim["losses"]) == (5, 1)
    assert claim["found"].against.better.sparsity == 0.8
    assert claim.evidence.startswith("in 5 of 6 comparisons, the other way in 1; ")


@pytest.mark.parametrize(
    ("wanda", "verdict"), [(1.05, Verdict.HOLDS), (1.2, Verdict.UNKNOWN)], ids=["further", "no further"]
)
def test_the_cliff_moves_only_where_the_intervals_keep_the_crossings_apart(wanda, verdict):
    cells = [("magnitude", 0.3, 1.0), ("magnitude", 0.5, 1.2), ("wanda", 0.3, 1.0), ("wanda", 0.5, wanda)]
    pruned = [record(r, noise=QUIET, target="blocks", sparsity=s, criterion=c) for c, s, r in cells]
    assert claims([record(), *pruned])["cliff_moves"].verdict is verdict


def test_patterns_are_beside_half_of_the_weights_anywhere_and_say_what_their_kernels_did():
    free = [record(target="blocks", sparsity=0.5, criterion=c) for c in ("magnitude", "wanda", "sparsegpt")]
    own = [one for one in patterns() if one.experiment.model == "story-mistral"]
    rows = found("patterns", [record(), *free, *own])
    assert [row.criterion for row in rows] == ["magnitude", "wanda", "sparsegpt"]
    assert all(None not in row.cells and row.kernels.why_not == "no GPU" for row in rows)
    told = claims([record(), *free, *own])
    assert isinstance(rows[0].kernels.decode, NotMeasured) and "kernels_faster" not in told
    assert told["patterns_cost"].verdict is Verdict.HOLDS
    ran = [on_kernels(one) if one.experiment.pattern == "2:4" else one for one in patterns()]
    row = found("patterns", [record(), *free, *ran])[0]
    assert row.kernels.decode == pytest.approx(1.15) and row.kernels.evaluation == pytest.approx(1.25)
    assert claims([record(), *ran])["kernels_faster"].verdict is Verdict.HOLDS


@pytest.mark.parametrize(
    ("both", "noise", "said"),
    [(1.03, QUIET, EVEN), (1.2, QUIET, MORE), (0.95, QUIET, LESS), (1.03, 0.2, OPEN)],
)
def test_damage_adds_up_where_both_together_cost_the_sum_of_each(both, noise, said):
    cell = {"target": "blocks", "sparsity": 0.5}
    alone = [record(1.01, noise=QUIET, **FLOAT8), record(1.02, noise=QUIET, **cell)]
    records = [record(), *alone, record(both, noise=noise, **cell, **FLOAT8)]
    (row,) = found("precision", records)[0].rows
    assert row.sum == said and row.excess == pytest.approx(both / (1.01 * 1.02))
    assert row.interval.low < row.excess < row.interval.high
    expected = {EVEN: Verdict.HOLDS, OPEN: Verdict.UNKNOWN}.get(said, Verdict.FAILS)
    assert claims(records)["damage_adds_up"].verdict is expected


def test_rounding_is_known_only_where_each_alone_was_measured_too():
    cell = {"target": "blocks", "sparsity": 0.5}
    assert found("precision", [record(), record(**cell), record(**cell, **FLOAT8)]) is None
    (row, *_) = found("precision", precision())[0].rows
    assert row.quantisation.sparsity > row.quantisation.zeros_before / row.quantisation.weights


def test_what_training_brings_back_is_held_against_the_dense_model_trained_alike():
    asked = recovery(1_000_000)
    cell = {"target": "blocks", "sparsity": 0.7}
    records = [record(), record(0.9, recovery=asked), record(2.0, **cell), record(1.1, recovery=asked, **cell)]
    (one,) = found("recovery", records).all
    assert one.most.share == pytest.approx((math.log(2.0) - math.log(1.1)) / (math.log(2.0) - math.log(0.9)))
    assert one.most.over_dense == pytest.approx(1.1 / 0.9) and isinstance(one.most.beside, Interval)
    (without,) = found("recovery", [records[0], *records[2:]]).all
    assert isinstance(without.most.share, NotMeasured) and "trained as long" in without.most.share.reason


def test_recoveries_come_by_budget_and_the_mask_s_worth_is_told_after_training():
    told, about = claims(recovered()), found("recovery", recovered())
    assert [row.tokens for row in about.all[0].rows] == [250_000, 1_000_000]
    assert [one.criterion for one in about.courses] == ["magnitude", "sparsegpt", "random"]
    assert {one.sparsity for one in about.courses} == {0.7}
    assert told["recovery_heals"].verdict is told["mask_still_matters"].verdict is Verdict.HOLDS
    near = told["recovery_heals_all"]
    assert near.verdict is Verdict.MIXED and (near["wins"], near["losses"], near["undecided"]) == (2, 2, 2)


def test_what_is_taken_out_is_beside_scattered_zeros_of_its_targets_and_sparsities():
    told = claims(structured())
    (one,) = found("structure", structured())
    assert [(kind, criterion) for kind, criterion, _ in one.lines] == [
        ("neurons", "magnitude"),
        ("layers", "magnitude"),
        ("scattered", "magnitude"),
    ]
    assert told["structure_faster"].verdict is told["scattered_harm_less"].verdict is Verdict.HOLDS
    for match in told["scattered_harm_less"]["found"].matches:
        scattered, taken = (one.record.pruning.model_sparsity for one in (match.better, match.worse))
        assert scattered >= taken
    (layers,) = [rows for kind, _, rows in one.lines if kind == "layers"]
    assert layers[-1].speed == pytest.approx(1 / (1 - 0.8 * 0.5)) and layers[-1].weights == pytest.approx(0.5, abs=0.01)


def test_the_map_says_where_the_damage_is_and_what_is_not_told_apart_from_none():
    (one,) = found("map", mapped())
    assert one.parts == ("q", "k", "v", "o", "gate", "up", "down") and one.layers == tuple("01234567")
    assert {one.known[0].name, one.known[1].name} == {"v of layer 1", "down of layer 1"}
    assert one.by_layer()[0][0] == "1" and 0 < one.apart < len(one.known) == 56
    assert one.spots["v", "1"].nats == pytest.approx(math.log(1.3))


@pytest.mark.parametrize(("ratio", "verdict"), [(1.5, Verdict.HOLDS), (1.004, Verdict.FAILS)])
def test_the_ticket_lives_in_one_place_where_that_costs_more_than_all_others_together(ratio, verdict):
    def place(layer: int, part: str) -> float:
        return ratio if (layer, part) == (1, "v") else 1.003

    cells = [
        record(place(n, p), noise=QUIET, part=(p,), layers=str(n), budget=0.005, sparsity=0.3)
        for n in range(3)
        for p in "qkv"
    ]
    assert claims([record(), *cells])["ticket_in_one_place"].verdict is verdict


def test_layers_of_a_map_are_in_their_own_order_and_the_most_telling_map_comes_first():
    assert found("map", mapped(layers=12))[0].layers[-2:] == ("10", "11")
    other = [
        record(1.2, noise=QUIET, model="story-qwen", part=(p,), layers=str(n), budget=0.005, sparsity=0.3)
        for n in range(2)
        for p in "qk"
    ]
    maps = found("map", [*mapped(), record(model="story-qwen"), *other])
    assert [one.model for one in maps] == ["story-qwen", "story-mistral"]


def test_a_study_of_plain_pruning_has_none_of_this():
    facts = build_facts([record(), record(target="blocks", sparsity=0.5)])
    there = {shown.key for shown in contents_of(facts).sections}
    assert there == {"cliff", "speed", "storage", "forgotten", "samples", "first_study"}
