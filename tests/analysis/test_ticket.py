"""Promises of the search for a ticket: what was planted in invented trainings is what the facts say of them."""

from __future__ import annotations

import math
import random

import pytest

from suite.analysis.facts import build_facts
from suite.analysis.ticket.facts import TicketFacts
from suite.analysis.values import MissingResultError, NotMeasured, Verdict
from suite.errors import InputError
from suite.protocol import MATCH
from suite.records.experiment import Training
from suite.records.plan import Plan
from suite.records.schema import Interval, Record
from tests.synthetic import embedded, record
from tests.told import claims
from tests.trained import COMPARED, DENSE, FLOOR, LATER, PLATEAU, experiment, full, quick, training

SEEDS = range(5)


def facts(records: list[Record]) -> TicketFacts:
    (found,) = build_facts(records).tickets
    return found


def until(last: int, past: float = 0.5):
    """A law under which tickets match the plateau exactly down to a level, and are so far above it past that."""

    def law(asked: Training, share: float) -> float:
        if asked.arm in ("dense", "dense-longer"):
            return PLATEAU
        return PLATEAU if asked.level <= last else PLATEAU + past

    return law


def test_trainings_change_nothing_of_what_is_said_of_pruned_models():
    mine = build_facts(embedded())
    both = build_facts([*embedded(), *full()])
    for name in type(mine).__slots__:
        if name != "tickets":
            assert getattr(both, name) == getattr(mine, name), name
    assert mine.tickets == () and len(both.tickets) == 1
    assert claims(both) == claims(mine) | claims(full()) and "ticket_matches" in claims(both)


def test_a_network_that_bears_a_pruned_models_name_stays_out_of_it_too():
    trainings = [training(arm, model="story-mistral") for arm in ("dense", "dense-longer")]
    both = build_facts([*embedded(), *trainings])
    assert both.models == build_facts(embedded()).models and both.tickets[0].model == "story-mistral"


def test_trainings_alone_have_facts_and_no_model():
    found = build_facts(quick())
    assert found.models == () and found.cells == () and found.headline is None and found.lost == ()
    assert found.provenance.seconds > 0 and found.tickets[0].provenance == found.provenance
    with pytest.raises(MissingResultError, match="pruned when it was finished"):
        _ = found.main


def test_facts_of_trainings_do_not_depend_on_the_order_of_records():
    records = full()
    shuffled = list(records)
    random.Random(1).shuffle(shuffled)
    assert build_facts(shuffled) == build_facts(records)


def test_trainings_that_all_failed_are_an_input_error():
    with pytest.raises(InputError, match=r"no finished experiment.*2 failed, the first with: no number any more"):
        build_facts([training(error="no number any more"), training("dense-longer", error="no number any more")])


def test_trainings_that_failed_are_counted_and_never_a_number():
    found = facts([*quick(), training("dense", 2, error="no number any more")])
    assert found.dense.n == 2 and [cell.experiment.seed for cell in found.failed] == [2]
    assert found.seeds == (0, 1)


def test_a_plan_of_trainings_says_what_is_still_to_come():
    planned = tuple(experiment("ticket", 0, level=level) for level in (1, 2, 3))
    plan = Plan(name="ticket", title="A ticket?", manifest="", experiments=planned)
    done = [training("dense"), training("ticket", level=1)]
    (study,) = build_facts([record(), *done], [plan]).studies
    assert study.finished == 1 and study.pending == planned[1:]


def test_losses_are_of_each_seed_with_their_mean_and_spread():
    found = facts(
        [training("dense", 0, loss=1.0), training("dense", 1, loss=1.2), training("dense-longer", 0, loss=0.9)]
    )
    assert found.dense.by_seed == {0: 1.0, 1: 1.2} and found.dense.mean == pytest.approx(1.1)
    assert found.dense.spread == pytest.approx(math.sqrt(0.02)) and (found.dense.low, found.dense.high) == (1.0, 1.2)
    assert found.plateau.n == 1 and isinstance(found.plateau.spread, NotMeasured)
    assert found.floor == FLOOR and found.plateau_steps == 4000 and found.recipe.steps == 1000


def test_lines_of_tickets_begin_with_the_dense_network_of_their_order():
    found = facts(full())
    line = found.line("ticket")
    assert [one.level for one in line] == list(range(18)) and line[0].arm == "dense"
    assert [round(one.remaining, 2) for one in line[:4]] == [1.0, 0.8, 0.64, 0.51]
    assert found.line("ticket", order=1)[0].order == 1 and found.line("ticket", LATER)[1].rewind == LATER
    assert [one.level for one in found.line("random-reinit")] == list(COMPARED)
    assert [one.level for one in found.line("small-dense")] == list(COMPARED) and found.line("early") == ()


def test_a_ticket_matches_down_to_the_level_it_was_planted_to():
    records = quick(SEEDS, law=until(8))
    found = facts(records)
    assert found.matched and found.matched.level == 8
    assert found.matched.remaining == pytest.approx(0.8**8, abs=1e-3)
    stop = found.matching[0].stop
    assert stop and stop.level == 9 and stop.verdict is Verdict.FAILS
    claim = claims(records)["ticket_matches"]
    assert claim.verdict is Verdict.HOLDS and claim["row"].level == 8 and f"{100 * 0.8**9:.1f}" in claim.evidence


def test_levels_past_the_first_that_fails_are_not_asked():
    def law(asked: Training, share: float) -> float:
        return PLATEAU + (0.5 if asked.level == 3 else 0.0)

    assert facts(quick(SEEDS, law=law)).matched.level == 2


def test_an_interval_that_straddles_the_margin_leaves_a_level_open():
    def ticket(seed: int, above: float) -> list[Record]:
        own = training("ticket", seed, level=1, loss=PLATEAU + above)
        return [training("dense", seed), training("dense-longer", seed, loss=PLATEAU), own]

    rows = [one for seed, above in enumerate((0.0, MATCH, 2 * MATCH)) for one in ticket(seed, above)]
    (row,) = facts(rows).matching[0].rows
    assert row.interval.low < MATCH < row.interval.high and row.interval.level == 0.90
    assert row.verdict is Verdict.UNKNOWN
    far = [one for seed in range(3) for one in ticket(seed, 0.5 + 0.01 * seed)]
    assert claims(far)["ticket_matches"].verdict is Verdict.FAILS


def test_the_test_is_one_sided_at_five_per_cent():
    """Three differences of mean m and deviation s: their one-sided bound is m + 2.92 s / sqrt(3)."""
    below = MATCH - 2.92 * 0.01 / math.sqrt(3)
    for shift, verdict in ((-1e-4, Verdict.HOLDS), (1e-4, Verdict.UNKNOWN)):
        found = []
        for seed, off in enumerate((-0.01, 0.0, 0.01)):
            found += [training("dense-longer", seed, loss=PLATEAU)]
            found += [training("ticket", seed, level=1, loss=PLATEAU + below + shift + off)]
        assert facts(found).matching[0].rows[0].verdict is verdict


@pytest.mark.parametrize("seeds", [(0,), ()])
def test_with_fewer_than_two_seeds_nothing_can_be_told(seeds):
    records = [training("ticket", 0, level=1), *(training("dense-longer", seed) for seed in seeds)]
    found = facts(records)
    assert found.matching[0].verdict is Verdict.UNKNOWN
    assert isinstance(found.matching[0].rows[0].interval, NotMeasured)
    assert all(claim.verdict is Verdict.UNKNOWN for claim in claims(records).values())


def test_seeds_are_paired_and_one_that_is_missing_is_left_out():
    records = [one for one in quick(SEEDS) if (one.experiment.seed, one.experiment.training.arm) != (3, "dense-longer")]
    row = facts(records).matching[0].rows[0]
    assert row.losses.n == 5 and sorted(row.difference.by_seed) == [0, 1, 2, 4]
    apart = 0.3  # by which the seeds differ, in every arm
    paired = [
        training(arm, s, loss=1 + apart * s, level=lv)
        for s in SEEDS
        for arm, lv in (("dense-longer", 0), ("ticket", 1))
    ]
    (row,) = facts(paired).matching[0].rows
    assert row.difference.spread == pytest.approx(0.0) and row.verdict is Verdict.HOLDS


def test_a_search_under_way_has_what_there_is():
    for records in (
        [training("dense-longer")],
        [training("small-dense", level=4)],
        [training("early", level=4, read=0.1)],
    ):
        found = facts(records)
        assert claims(records) == {} and found.matched is None and found.focus is None and found.survivors is None
    assert facts([training("small-dense", level=4)]).losses[0].remaining == pytest.approx(0.8**4)
    records = full()
    for _ in range(20):
        some = random.Random(_).sample(records, 40)
        assert len(build_facts(some).tickets) == 1


def test_other_recipes_and_other_networks_are_other_searches():
    records = [*quick(), *quick(steps=5000), *quick((0,), model="net-8k")]
    found = build_facts(records).tickets
    assert [(one.model, one.recipe.steps, one.plateau_steps) for one in found] == [
        ("net-46k", 1000, 4000),
        ("net-46k", 5000, 20000),
        ("net-8k", 1000, 4000),
    ]
    assert all(len(one.cells) == len(found[0].cells) for one in found[:2])


def test_where_no_ticket_matches_the_level_nearest_a_tenth_is_looked_at():
    found = facts(quick(SEEDS, law=until(0)))
    assert found.matched is None and found.focus.level == 10 and found.survivors.level == 10
    assert claims(quick(SEEDS, law=until(0)))["ticket_matches"].verdict is Verdict.FAILS


def test_a_rival_is_ahead_behind_or_not_told_apart_by_its_95_per_cent_interval():
    found = facts(full())
    rows = {row.level: row for row in found.against("random-reinit")}
    assert list(rows) == list(COMPARED) and rows[11].verdict is Verdict.HOLDS
    assert isinstance(rows[11].interval, Interval) and rows[11].interval.level == 0.95
    assert rows[1].verdict is Verdict.UNKNOWN
    assert rows[11].lead.mean == pytest.approx(rows[11].other.mean - rows[11].ticket.mean)
    assert {row.rewind for row in found.rivals if row.arm == "small-dense"} == {0.0, LATER}


def test_a_control_that_is_better_refutes_the_claim_of_the_ticket():
    def law(asked: Training, share: float) -> float:
        return PLATEAU - (0.1 if asked.arm == "random" else 0.0) + (0.1 if asked.arm == "random-reinit" else 0.0)

    told = claims(quick(SEEDS, law=law))
    assert told["ticket_beats_random"].verdict is Verdict.FAILS
    assert told["ticket_beats_fresh"].verdict is Verdict.HOLDS
    assert told["ticket_beats_random"]["row"].level == 17 and "ticket_beats_small" not in told


def test_controls_are_asked_at_the_sparsest_compared_level_at_which_the_ticket_matches():
    told = claims(quick(SEEDS, law=until(8)))
    assert told["ticket_beats_random"]["row"].level == 7
    only = [one for one in quick(SEEDS, law=until(3)) if one.experiment.training.arm != "random"]
    sparse = [training("random", seed, level=9) for seed in SEEDS]
    assert claims([*only, *sparse])["ticket_beats_random"]["row"].level == 9


@pytest.mark.parametrize(("better", "verdict"), [(0.05, Verdict.HOLDS), (-0.05, Verdict.FAILS), (0.0, Verdict.UNKNOWN)])
def test_rewinding_later_and_the_learning_rate_alone_are_held_against_the_ticket(better: float, verdict: Verdict):
    def law(asked: Training, share: float) -> float:
        other = asked.rewind or asked.arm == "learning-rate-rewinding"
        return until(8, past=0.1)(asked, share) - (better if other else 0.0)

    records = full(law=law)
    told = claims(records)
    assert told["rewinding_helps"].verdict is told["rate_rewinding_better"].verdict is verdict
    assert told["rewinding_helps"]["row"].level == 9 and told["rewinding_helps"]["row"].other_rewind == LATER
    assert told["rate_rewinding_better"]["row"].level == 8
    assert [row.level for row in facts(records).rewindings] == list(range(1, 18))


def test_the_dense_network_is_held_against_nothing_but_shown():
    assert facts(quick()).line("dense")[0].losses.mean == pytest.approx(DENSE, abs=0.02)
    assert all(row.level > 0 for row in facts(full()).matching[0].rows)
