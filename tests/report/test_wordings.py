"""Promises of wordings: every claim has three, they differ, and each renders with the numbers it has."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from suite.report.page import build_page
from suite.report.paper import build_paper
from suite.report.poster import build_poster

from suite.analysis.facts import Facts, build_facts
from suite.analysis.headline import Price
from suite.analysis.points import Crossing
from suite.analysis.values import Claim, NotMeasured, Verdict
from suite.records.schema import Interval, Telemetry
from suite.report.templating import environment
from tests.altered import everything, on_kernels, patterns
from tests.invented import dequantised, timed, with_speed
from tests.report.inspect_pdf import text
from tests.synthetic import phase1, record
from tests.trained import full

FILES = ("claims", "takeaway", "audit")
MISSING = NotMeasured("not asked for")
OPPOSED = {"opposed": (("attention", "mlp", "a", "b"),), "equal": (("attention", "mlp"),)}
ADJECTIVES = re.compile(r"\b(significant|dramatic|huge|great|slight|nearly|almost|likely|clear)\w*", re.IGNORECASE)
Say = Callable[..., str]


@pytest.fixture
def say(facts: Facts) -> Say:
    """A shared macro, called with plain values."""

    def call(macro: str, *arguments: Any) -> str:
        modules = [environment().get_template(f"shared/{file}.j2").make_module({"facts": facts}) for file in FILES]
        said = str(next(getattr(module, macro) for module in modules if hasattr(module, macro))(*arguments))
        return " ".join(re.sub(r"<[^>]*>", "", said).replace("\u00a0", " ").split())

    return call


def all_claims() -> list[Claim]:
    facts = build_facts([*everything(), *full()])
    ran = build_facts([record(), *(on_kernels(one) for one in patterns() if one.experiment.pattern == "2:4")])
    return [*facts.claims.values(), ran.claim("kernels_faster"), *facts.audit]


@pytest.mark.parametrize("claim", all_claims(), ids=lambda claim: claim.name)
def test_every_claim_has_three_wordings_that_differ(say, claim):
    opposed = OPPOSED | ({"against": claim["matches"][0]} if "against" in claim.values else {})
    values = {**claim.values, **{key: value for key, value in opposed.items() if key in claim.values}}
    said = [say(claim.name, replace(claim, verdict=verdict, values=values)) for verdict in Verdict]
    assert len(set(said)) == 3 and all(len(one) > 20 for one in said)
    assert not [found for one in said for found in ADJECTIVES.findall(one)]


@pytest.mark.parametrize("claim", all_claims(), ids=lambda claim: claim.name)
def test_no_wording_needs_an_interval(say, claim):
    if "interval" in claim.values:
        assert say(claim.name, replace(claim, verdict=Verdict.UNKNOWN, values={**claim.values, "interval": MISSING}))


@pytest.mark.parametrize(
    ("macro", "name"), [("bigger_in_short", "bigger_stand_more"), ("breaks_in_short", "parts_break_apart")]
)
def test_short_wordings_are_three_as_well(say, facts, macro, name):
    assert len({say(macro, replace(facts.claim(name), verdict=verdict)) for verdict in Verdict}) == 3


@pytest.mark.parametrize(
    ("crossing", "said"),
    [
        (Crossing(1.1, 0.61, 0.62, 0.59, 0.63), "between 61 % and 62 %; the text’s uncertainty allows 59 % to 63 %"),
        (Crossing(1.1, 0.6, 0.7, 0.5, None), "between 60 % and 70 %, the nearest sparsities measured; the text’s"),
        (Crossing(1.1, 0.9, None, None, None), "not reached; the text’s uncertainty cannot be told"),
    ],
)
def test_a_crossing_says_how_well_it_is_known(say, crossing, said):
    assert say("crossing", crossing).startswith(said)


def test_a_price_says_what_was_measured_and_n_m_where_nothing_was(say, facts):
    price = facts.headline.price
    assert price and say("price", price).startswith(
        "At 40 % removed: a file 31.6 % smaller, decoding no faster, perplex"
    )
    bare = say("price", Price(0.4, MISSING, MISSING, MISSING, 1.05, MISSING))
    assert bare == "At 40 % removed: a file n/m smaller, decoding n/m faster, perplexity 5 % worse."
    row = replace(price.speed, unchanged=Verdict.FAILS, relative=1.2)
    assert "decoding 20 % faster" in say("price", replace(price, speed=row))
    assert "speed cannot be told" in say("price", replace(price, speed=replace(row, unchanged=Verdict.UNKNOWN)))
    assert "8 % larger, decoding" in say("price", replace(price, smaller=-0.08))
    assert "2 % better" in say("price", Price(0.4, MISSING, MISSING, MISSING, 0.98, Interval(low=0.97, high=0.99)))


def test_poster_and_paper_print_the_price_and_the_order(facts, poster, paper):
    for pdf in (poster, paper):
        said = " ".join(text(pdf.content).replace("\u00a0", " ").split())
        assert "a file 31.6 % smaller, decoding no faster, perplexity 7.8 % worse" in said
        assert "attention > early > mlp ≈ late" in said


def test_the_paper_audits_the_first_study_and_marks_what_was_recorded(paper):
    said = " ".join(text(paper.content).replace("\u00a0", " ").split())
    for part in ("50 % can be deleted without impact", "generation 5× faster", "90 % can be deleted", "35,789.36"):
        assert part in said, part
    assert "Recorded in February 2026" in said and "35,789.36 is worse than guessing uniformly" in said


def test_the_paper_s_table_of_speeds_shows_the_board_s_instruments_where_there_are_any():
    board = Telemetry(sm_clock_mhz=1380.0, power_w=212.0, temperature_c=61.0, energy_j_per_token=None)
    timings = [with_speed(one, timed(100.0, 0.5), board=board) for one in phase1()]
    with_board, without = (text(build_paper(build_facts(records)).content) for records in (timings, phase1()))
    assert "MHz" in with_board and "1,380" in with_board and "212" in with_board
    assert "MHz" not in without


def test_reports_of_a_study_with_every_claim_open_build():
    cells = [
        record(model=m, target=t, sparsity=0.4, budget=0.2, ratio=1.1) for m in "abc" for t in ("attention", "mlp")
    ]
    facts = build_facts([record(model=m) for m in "abc"] + cells)
    assert facts.claim("same_ranking").verdict is Verdict.UNKNOWN
    for build in (build_poster, build_paper):
        assert "cannot be told" in " ".join(text(build(facts).content).split())


def test_what_a_converted_model_was_dequantised_from_is_said_in_every_document() -> None:
    cells = ({}, {"target": "all", "sparsity": 0.5}, {"target": "all", "sparsity": 0.7})
    facts = build_facts([dequantised(**cell) for cell in cells])
    assert "smollm under Apache-2.0" in " ".join(text(build_paper(facts).content).split())
    page = re.sub(r"<[^>]*>", "", build_page(facts).decode())
    for words in (text(build_paper(facts).content), text(build_poster(facts).content), page):
        said = " ".join(words.split())
        assert "weights dequantised from Q4_1" in said
        assert "60 of 240 windows of 256" in said
