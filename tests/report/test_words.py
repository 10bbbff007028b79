"""Promises of the words that documents share: the answer in front, its price, crossings, counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from markupsafe import Markup

from suite.analysis.facts import build_facts
from suite.analysis.headline import Price
from suite.analysis.points import Crossing
from suite.analysis.values import NotMeasured, Verdict
from suite.records.schema import Interval
from suite.report.claims import tally
from suite.report.contents import contents_of
from suite.report.medium import HTML, RML
from suite.report.wording import Wording
from suite.report.words import counted, crossing, listing, with_interval
from tests.synthetic import phase1, record

MISSING = NotMeasured("not asked for")


def said(words: Wording, macro: str, *given: Any) -> str:
    """What a macro of the answer in front says."""
    found = getattr(words.env.globals["hero"], macro)(*given)
    return " ".join(Markup(found).striptags().replace("\u00a0", " ").split())


def test_a_price_says_what_was_measured_and_n_m_where_nothing_was(contents):
    words, price = Wording(contents, RML, "poster"), contents.facts.headline.price
    assert said(words, "price", price).startswith("At 40 % removed: a file 31.6 % smaller, decoding no faster, perplex")
    bare = Price(0.4, MISSING, MISSING, MISSING, 1.05, MISSING)
    assert said(words, "price", bare) == "At 40 % removed: a file n/m smaller, perplexity 5 % worse."
    row = replace(price.speed, unchanged=Verdict.FAILS, relative=1.2)
    assert "decoding 20 % faster" in said(words, "price", replace(price, speed=row))
    unknown = replace(row, unchanged=Verdict.UNKNOWN)
    assert "speed cannot be told" in said(words, "price", replace(price, speed=unknown))
    assert "8 % larger, decoding" in said(words, "price", replace(price, smaller=-0.08))
    better = Price(0.4, MISSING, MISSING, MISSING, 0.98, Interval(low=0.97, high=0.99))
    assert "2 % better" in said(words, "price", better)


@pytest.mark.parametrize(
    ("cells", "number", "sentence"),
    [
        (phase1()[1:], "< 50 %", "can go: the smallest cut measured costs more than 10 %"),
        ([record(target="all", sparsity=0.1)], "10 %", "can go, and perplexity has not risen 10 %"),
        ([], "1.47", "is the perplexity of story-mistral, dense: no plain pruned run is among the records"),
    ],
    ids=["none", "beyond", "dense"],
)
def test_the_answer_in_front_says_what_the_records_tell(cells, number, sentence):
    contents = contents_of(build_facts([record(), *cells]))
    words, headline = Wording(contents, HTML, "page"), contents.facts.headline
    assert said(words, "number", headline) == number and sentence in said(words, "sentence", headline)
    assert said(words, "evidence", headline)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Crossing(1.1, 0.61, 0.62, 0.59, 0.63), "between 61 % and 62 % (by the intervals, 59 % to 63 %)"),
        (Crossing(1.1, 0.6, 0.7, 0.5, None), "between 60 % and 70 % (by the intervals, 50 % or more)"),
        (Crossing(1.1, 0.9, None, None, None), "not reached"),
    ],
)
def test_a_crossing_says_how_well_it_is_known(found, words):
    assert crossing(found).replace("\u00a0", " ") == words


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ((24, 2, 4), "in 24 of 30 comparisons, the other way in 2, undecided in 4"),
        ((3, 0, 0), "in all 3 comparisons"),
        ((0, 0, 2), "undecided in both comparisons"),
        ((0, 2, 0), "in 0 of 2 comparisons, the other way in 2"),
        ((1, 0, 0), "in the one comparison measured"),
        ((0, 1, 0), "not in the one comparison measured"),
    ],
)
def test_comparisons_are_told_as_wins_losses_and_what_is_undecided(outcome, words):
    assert tally(*outcome).replace("\u00a0", " ") == words


def test_counts_lists_and_intervals_are_words():
    assert counted(1, "search", "searches").replace("\u00a0", " ") == "1 search"
    assert counted(1200, "cell").replace("\u00a0", " ") == "1,200 cells"
    assert listing("abc") == "a, b and c" and listing(f"m{i}" for i in range(9)).endswith("and 3 more")
    assert with_interval(MISSING) == ""
    shown = with_interval(Interval(low=0.5, high=1.25, level=0.95)).replace("\u00a0", " ")
    assert shown == " (95 % interval 0.50 to 1.25)"
