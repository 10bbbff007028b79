"""Promises of the facts as a whole: order, failures, names, and what is refused."""

import random

import pytest

from suite.analysis.facts import build_facts
from suite.analysis.values import MissingResultError, NotMeasured
from suite.errors import InputError
from suite.records.experiment import TextReference
from suite.report.contents import contents_of
from tests.synthetic import embedded, phase1, record
from tests.told import claims, found


def test_facts_do_not_depend_on_the_order_of_records():
    records = embedded()
    shuffled = list(records)
    random.Random(1).shuffle(shuffled)
    assert build_facts(shuffled) == build_facts(records)


@pytest.mark.parametrize(
    "records", [[], [record(error="out of memory"), record(target="all", sparsity=0.5, error="x")]]
)
def test_nothing_finished_is_an_input_error_that_says_what_to_do(records):
    with pytest.raises(InputError, match=r"no finished experiment.*lottery run"):
        build_facts(records)


def test_failed_records_are_listed_with_their_reason_and_never_a_number():
    facts = build_facts([*phase1(), record(target="mlp", sparsity=0.9, error="not finite")])
    (failed,) = facts.failures
    assert failed.ratio == NotMeasured("not finite") and failed.perplexity == NotMeasured("not finite")


def test_look_ups_of_what_is_not_there_raise():
    facts = build_facts(phase1())
    with pytest.raises(MissingResultError, match="no record is of the model 'gpt'"):
        facts.model("gpt")
    with pytest.raises(MissingResultError, match="'worse_than_unigram' has no value 'seeds', only"):
        claims(facts)["worse_than_unigram"]["seeds"]
    with pytest.raises(KeyError, match="no section has a figure 'crossings'"):
        contents_of(facts).placed("crossings")


def test_one_model_on_two_texts_is_two_models_with_names_that_tell_them_apart():
    other = TextReference(name="letters", revision="sha256:" + "6" * 64, join="\n")
    facts = build_facts([*phase1(), record(text=other)])
    names = {model.name for family in facts.families for model in family.models}
    assert names == {"story-mistral (on stories)", "story-mistral (on letters)"}


def test_a_cell_measured_in_two_studies_counts_once():
    twice = [record(target="all", sparsity=0.5), record(target="all", sparsity=0.5)]
    slim = twice[0].experiment.model_copy(update={"measure": ("perplexity",)})
    twice[1] = twice[1].model_copy(update={"experiment": slim, "id": slim.id, "generation": None})
    facts = build_facts([record(), *twice])
    assert len(facts.cells) == 2 and not isinstance(facts.cells[1].generation, NotMeasured)


def test_the_embedded_study_gives_every_section_its_facts():
    facts = build_facts(embedded())
    assert facts.main.name == "story-mistral"
    assert facts.main.heat and facts.main.kinds and facts.main.speed and facts.main.utterances
    told = claims(facts)
    assert {"beats_random", "ranking", "same_ranking", "bigger_stand_more", "parts_break_apart"} <= set(told)
    assert {"speed_unchanged", "dead_weight", "ninety_percent", "five_times"} <= set(told)
    same = found("universal", facts).comparison
    assert len(same.cells) == 7 and same.what == "blocks"
    assert len(found("location", facts).rankings) == 7
    assert facts.headline.price and facts.main.removable
