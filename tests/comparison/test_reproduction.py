"""Promises of a comparison: rounding passes, everything else is caught and named, and speed decides nothing."""

import math
from pathlib import Path
from typing import Any

import pytest

from suite.analysis.cells import Cell
from suite.comparison.checks import Outcome
from suite.comparison.compare import compare
from suite.comparison.pairs import Comparison, Side
from suite.comparison.tolerance import allowed
from suite.records import Damage
from suite.records.experiment import Continuation, TextReference
from suite.records.schema import Protocol, Record
from tests.synthetic import embedded, experiment, record
from tests.told import claims

HALF = {"target": "attention", "sparsity": 0.5}


def altered(one: Record, **sections: dict[str, Any]) -> Record:
    """The record with fields of its sections changed, sealed again as an honest run on another machine would."""
    parts = {name: getattr(one, name).model_copy(update=fields) for name, fields in sections.items()}
    found = one.model_copy(update=parts)
    return found.model_copy(update={"id": found.experiment.id}).sealed()


def scaled(one: Record, factor: float) -> Record:
    return altered(one, perplexity={"value": one.perplexity.value * factor})


def on(one: Record, **environment: Any) -> Record:
    return altered(one, environment=environment)


def with_protocol(one: Record, **fields: Any) -> Record:
    return altered(one, perplexity={"protocol": one.perplexity.protocol.model_copy(update=fields)})


def held(here: list[Record], there: list[Record]) -> Comparison:
    return compare(Side(Path("here"), tuple(here)), Side(Path("there"), tuple(there)))


def one_pair(here: Record, there: Record):
    (pair,) = held([here], [there]).pairs
    return pair


def difference(here: Record, there: Record) -> str:
    """Why the cell does not reproduce: the one reason there must be."""
    pair = one_pair(here, there)
    assert not pair.reproduces
    (reason,) = pair.reasons
    return reason


def bound(here: Record, there: Record) -> float:
    found = allowed(Cell(here, "here"), Cell(there, "there"))
    assert isinstance(found, float)
    return found


def test_a_study_compared_with_itself_reproduces_in_full():
    comparison = held(embedded(), embedded())
    assert comparison.reproduces
    assert len(comparison.pairs) == len(embedded()) and not comparison.failing and not comparison.extra
    assert {claim.name for claim in comparison.claims} == set(claims(embedded()))
    assert all(claim.equal for claim in comparison.claims)


def test_nothing_compared_is_no_success():
    assert not held([], []).reproduces


def test_another_mask_is_caught():
    cell = record(**HALF)
    assert difference(altered(cell, pruning={"mask_digest": "0" * 64}), cell) == "the mask differs"


def test_a_perplexity_one_per_cent_off_is_caught_and_rounding_is_not():
    cell = record(**HALF)
    assert difference(scaled(cell, 1.01), cell).startswith("the perplexity is 1 % higher here")
    assert difference(scaled(cell, 0.99), cell).startswith("the perplexity is 1 % lower here")
    assert one_pair(scaled(cell, 1 + 5e-6), cell).reproduces


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"tokenizer_sha256": "1a2b3c4d" * 8}, "another tokenizer: 1a2b3c4d here, 77777777 there"),
        ({"text_sha256": "1a2b3c4d" * 8}, "another text: 1a2b3c4d here, 55555555 there"),
        ({"context": 128, "stride": 128, "windows": 121}, "windows of 128 tokens here, 256 there"),
        ({"stride": 64}, "a stride of 64 tokens here, 256 there"),
        ({"windows": 59}, "59 windows here, 60 there"),
        ({"windows": 59, "text_windows": 120}, "59 windows here, 60 there; windows chosen of 120 here, of all there"),
        ({"bos": "each", "stride": 255}, "a first token of its own (BOS): each here, no there"),
        ({"bos": True}, "a first token of its own (BOS): yes here, no there"),
        ({"join": "\n\n"}, "the text joined by '\\n\\n' here, '\\n' there"),
    ],
)
def test_another_measurement_is_caught_by_name_and_its_perplexity_is_not_compared(fields, named: str):
    cell = record(**HALF)
    other = with_protocol(cell, **fields)
    assert difference(other, cell) == named
    assert one_pair(other, cell).outcome("perplexity") is Outcome.NOT_COMPARABLE


def test_another_verdict_on_what_it_writes_is_caught():
    cell = record(**HALF)
    assert difference(altered(cell, coherence={"verdict": "degraded"}), cell) == "writes degraded here, coherent there"


def test_a_failure_on_one_side_is_caught_and_on_both_sides_reproduces():
    done, failed = record(**HALF), record(**HALF, error="out of memory")
    assert difference(failed, done) == "failed here: out of memory"
    assert difference(done, failed) == "failed there: out of memory"
    both = one_pair(failed, failed)
    assert both.reproduces and both.reasons == ("failed on both sides: out of memory",)


def test_a_missing_cell_is_caught_and_an_extra_one_counts_for_nothing():
    dense, cell = record(), record(**HALF)
    missing = held([dense], [dense, cell])
    assert not missing.reproduces
    assert [pair.reasons for pair in missing.failing] == [("missing here",)]
    more = held([dense, cell], [dense])
    assert more.reproduces and [one.record for one in more.extra] == [cell]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"context": 128}, "windows of 128 tokens here, 256 there"),
        ({"revision": "a" * 40}, "another revision of the model: aaaaaaaa here, 11111111 there"),
        ({"precision": "float16"}, "precision float16 here, auto there"),
        (
            {"text": TextReference(name="letters", revision="sha256:" + "6" * 64, join="\n")},
            "another text: letters 66666666 joined by '\\n' here, stories 55555555 joined by '\\n' there",
        ),
        ({"context": 128, "precision": "float16"}, "windows of 128 tokens here, 256 there; precision float16 here, "),
        ({"context": 128, "precision": "float16", "revision": "a" * 40}, ""),  # too far to be its relative
        ({"sparsity": 0.51}, ""),
    ],
)
def test_a_missing_cell_says_what_its_nearest_relative_differs_in(changes, why: str):
    reason = difference(record(**HALF | changes), record(**HALF))
    assert reason.startswith(f"missing here: {why}" if why else "missing here") and (why or reason == "missing here")


def test_a_cell_that_measured_less_is_compared_on_what_both_measured():
    full = record(**HALF)
    measured = full.model_copy(update={"generation": None, "memory": None, "coherence": None})
    slim = altered(measured, experiment={"measure": ("perplexity",)})
    for pair in (one_pair(slim, full), one_pair(full, slim)):
        assert pair.reproduces and pair.outcome("perplexity") is Outcome.EQUAL
        assert pair.reasons[0].startswith("measured here: ")
    assert "1 % higher" in difference(scaled(slim, 1.01), full)


def test_a_perplexity_that_was_not_measured_here_is_not_reproduced():
    full = record(**HALF)
    timed = altered(full.model_copy(update={"perplexity": None}), experiment={"measure": ("generation",)})
    assert difference(timed, full) == "the perplexity was not measured here"
    kept = altered(full.model_copy(update={"generation": None}), experiment={"measure": ("perplexity",)})
    assert difference(kept, timed) == "nothing that both measured"


@pytest.mark.parametrize("side", ["here", "there"])
def test_a_record_that_cannot_be_believed_does_not_reproduce_on_whichever_side(side: str):
    dense, cell = record(), record(**HALF)
    damaged = (Damage(Path(f"{cell.id}.json"), "is damaged"),)
    sides = {name: Side(Path(name), (dense, cell)) for name in ("here", "there")}
    sides[side] = Side(Path(side), (dense,), damaged)
    (failing,) = compare(sides["here"], sides["there"]).failing
    assert failing.reasons == (f"the record {side} is damaged or was edited by hand",)
    assert failing.experiment == cell.experiment and failing.id == cell.id


def test_a_damaged_record_there_counts_even_where_nobody_knows_what_it_was():
    dense = record()
    damaged = tuple(Damage(Path(name), "is damaged") for name in ("a" * 64 + ".json", "notes.json"))
    there = Side(Path("there"), (dense,), damaged)
    comparison = compare(Side(Path("here"), (dense,)), there)
    assert [pair.id for pair in comparison.failing] == ["a" * 64]


def test_tolerance_grows_with_the_damage_of_theirs():
    dense, hurt = record(), record(**HALF, ratio=4.0)
    assert bound(hurt, hurt) == 4 * bound(dense, dense) == pytest.approx(4e-5)
    assert one_pair(scaled(hurt, math.exp(3e-5)), hurt).reproduces
    assert not one_pair(scaled(dense, math.exp(3e-5)), dense).reproduces
    better = record(**HALF, ratio=0.9)
    assert bound(better, better) == bound(dense, dense)


def test_past_ten_times_only_the_verdicts_are_compared():
    wreck, other = record(**HALF, ratio=30.0), record(**HALF, ratio=45.0)
    pair = one_pair(other, wreck)
    assert pair.reproduces and pair.reasons == ("both past 10 times the dense perplexity",)
    assert "writes degraded here" in difference(altered(other, coherence={"verdict": "degraded"}), wreck)
    assert "the mask differs" in difference(altered(other, pruning={"mask_digest": "0" * 64}), wreck)


def test_past_ten_times_on_one_side_only_its_own_tolerance_decides():
    past, before = record(**HALF, ratio=10.0005), record(**HALF, ratio=9.9995)
    assert bound(past, before) == bound(before, past) == pytest.approx(1e-5 * 10.0005)
    assert one_pair(past, before).reproduces
    assert "perplexity is 1" in difference(record(**HALF, ratio=10.1), record(**HALF, ratio=9.99))


def test_the_coarser_dtype_and_the_other_device_widen_the_tolerance():
    cell = record()
    half, brain = with_protocol(cell, dtype="float16"), with_protocol(cell, dtype="bfloat16")
    gpu = on(cell, device="cuda:0")
    assert bound(cell, cell) == bound(gpu, on(cell, device="cuda:1")) == 1e-5
    assert bound(gpu, cell) == bound(cell, gpu) == 1e-4
    assert bound(half, half) == bound(half, cell) == bound(cell, half) == bound(half, gpu) == 5e-4
    assert bound(brain, half) == bound(brain, brain) == 3e-3
    assert one_pair(scaled(half, 1.0004), cell).reproduces
    assert not one_pair(scaled(cell, 1.0004), cell).reproduces


def test_a_dtype_without_a_stated_tolerance_is_never_waved_through():
    cell = with_protocol(record(), dtype="float8")
    assert one_pair(cell, cell).reproduces
    assert difference(scaled(cell, 1.0001), cell) == "no tolerance is stated for float8"


OFFLOADED = "cpu: 10 modules, cuda:0: 22 modules"


def test_layers_offloaded_on_one_side_are_another_measurement_where_speed_or_memory_was_measured():
    there = on(record(**HALF), device="cuda:0", device_map="cuda:0")
    here = on(there, device_map=OFFLOADED)
    assert difference(here, there) == f"layers offloaded here ({OFFLOADED}), not there"
    assert difference(there, here) == f"layers offloaded there ({OFFLOADED}), not here"
    assert one_pair(here, here).reproduces
    two_gpus = on(there, device_map="cuda:0: 16 modules, cuda:1: 16 modules")
    assert one_pair(two_gpus, there).reproduces
    plain = [one.model_copy(update={"generation": None, "memory": None}) for one in (here, there)]
    noted = one_pair(*plain)
    assert noted.reproduces and noted.reasons == (f"layers offloaded here ({OFFLOADED}), not there",)


def faster(one: Record, factor: float) -> Record:
    if one.generation is None:
        return one
    speed = one.generation.decode_tokens_per_s
    changed = {"median": speed.median * factor}
    changed |= {name: tuple(value * factor for value in getattr(speed, name)) for name in ("quartiles", "values")}
    return altered(one, generation={"decode_tokens_per_s": speed.model_copy(update=changed)})


def test_speed_noise_alone_never_fails():
    there = embedded()
    here = [faster(one, 1.5 if index % 2 else 0.7) for index, one in enumerate(there)]
    comparison = held(here, there)
    assert comparison.reproduces
    (noisy,) = [claim for claim in comparison.claims if not claim.equal]
    assert noisy.name == "speed_unchanged" and not noisy.decides


def test_speed_is_over_each_sides_own_dense_run_under_the_same_conditions():
    dense, cell = record(), record(**HALF)
    pairs = held([faster(dense, 3.0), faster(cell, 3.0)], [dense, cell]).pairs
    assert pairs[1].speed[0] == pytest.approx(pairs[1].speed[1])
    elsewhere = held([on(dense, threads=64), cell], [dense, cell]).pairs
    assert not isinstance(elsewhere[1].speed[0], float) and isinstance(elsewhere[1].speed[1], float)


def test_a_claim_whose_verdict_differs_is_a_contradiction_even_where_every_cell_passes():
    there = embedded()
    too_few = {"interval": None, "nll_per_window": (0.4,)}  # windows to tell anything by
    here = [altered(one, perplexity=too_few) if one.experiment.target == "attention" else one for one in there]
    comparison = held(here, there)
    assert not comparison.failing and not comparison.reproduces
    assert "attention_over_mlp" in {claim.name for claim in comparison.contradicted}


def test_claims_are_of_the_cells_that_both_sides_finished():
    there = embedded()
    here = [one for one in there if one.experiment.criterion != "random"]
    assert "beats_random" not in {claim.name for claim in held(here, there).claims}


def test_claims_of_small_models_are_compared_beside_those_of_real_ones():
    """Both families bear on the same claims; what one of them says of it does not hide the other."""
    wikitext = TextReference(name="wikitext-2", revision="a" * 40, join="\n\n")
    cut = {"target": "all", "sparsity": 0.5, "ratio": 1.001, "noise": 0.001}
    there = [record(**given, **asked) for given in ({}, {"model": "phi-2", "text": wikitext}) for asked in ({}, cut)]
    comparison = held(there, there)
    names = {claim.name for claim in comparison.claims}
    assert {"dead_weight", "dead_weight (miniature)", "miniature_agrees"} <= names and comparison.reproduces
    too_few = {"interval": None, "nll_per_window": (0.4,)}
    here = [altered(one, perplexity=too_few) if one.experiment.model == "story-mistral" else one for one in there]
    comparison = held(here, there)
    assert not comparison.failing and not comparison.reproduces
    assert "dead_weight (miniature)" in {claim.name for claim in comparison.contradicted}
    assert "dead_weight" not in {claim.name for claim in comparison.contradicted}
    speeds = [claim for claim in comparison.claims if claim.name.startswith(("five_times", "speed_unchanged"))]
    assert len(speeds) == 4 and not any(claim.decides for claim in speeds)


def test_sides_where_nothing_finished_claim_nothing():
    failed = [record(error="out of memory"), record(**HALF, error="out of memory")]
    comparison = held(failed, failed)
    assert comparison.reproduces and comparison.claims == ()


def test_a_study_of_speeds_alone_reproduces_against_itself():
    timed = experiment().model_copy(update={"measure": ("generation",)})
    one = record().model_copy(update={"experiment": timed, "id": timed.id, "perplexity": None, "coherence": None})
    assert held([one], [one]).reproduces


def test_a_side_that_summed_in_float32_is_allowed_its_bias_and_no_more():
    dense, hurt = record(), record(**HALF, ratio=4.0)
    vocabulary = 49_152
    for cell in (dense, hurt):
        large = altered(cell, perplexity={"uniform": float(vocabulary)})
        float32 = with_protocol(large, softmax="float32")
        alike = bound(large, large)
        assert bound(float32, float32) == alike
        assert bound(large, float32) == bound(float32, large) == pytest.approx(alike + vocabulary * 2**-30)
        assert one_pair(large, scaled(float32, math.exp(-1.6e-5))).reproduces, "as it was seen"
        assert not one_pair(large, scaled(float32, math.exp(-2e-4))).reproduces
    small = altered(dense, perplexity={"uniform": 183.0})
    assert bound(small, with_protocol(small, softmax="float32")) == pytest.approx(1e-5, rel=0.02)


def test_a_record_from_before_its_field_was_summed_in_float32():
    said = record(**HALF).perplexity.protocol.model_dump()
    assert said.pop("softmax") == "float64"
    assert Protocol.model_validate(said).softmax == "float32"


def test_a_cell_that_wrote_less_is_compared_on_all_that_does_not_rest_on_it():
    full = record(**HALF)
    other = altered(full, experiment={"generation": Continuation(prompts=32, tokens=20)})
    incoherent = altered(other, coherence={"verdict": "incoherent"})
    for pair in (one_pair(incoherent, full), one_pair(full, incoherent)):
        assert pair.reproduces and pair.outcome("perplexity") is Outcome.EQUAL and pair.outcome("mask") is Outcome.EQUAL
        assert pair.outcome("verdict") is pair.outcome("speed") is Outcome.NOT_COMPARABLE
        assert "new tokens here, 32 prompts of" in pair.reasons[0]
    assert "1 % higher" in difference(scaled(other, 1.01), full)
    assert not one_pair(altered(full, coherence={"verdict": "incoherent"}), full).reproduces
