"""Whatever models are called and write prints: every character or a box, on the page, and nothing breaks."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suite.analysis.facts import build_facts
from suite.cli.printing import FORMATS
from suite.records.schema import Record, Sample
from suite.report.contents import contents_of
from suite.report.media.paper import build_paper, build_supplement
from suite.report.media.poster import build_poster
from suite.report.sections import SECTIONS
from suite.report.templating import render
from tests.altered import everything
from tests.report import hostile
from tests.report.hostile import FRAGMENTS, faults, names, renamed, shown, strings
from tests.report.inspect_pdf import outside, text, too_small, unembedded
from tests.synthetic import record
from tests.trained import full

ANYTHING = st.lists(st.one_of(st.text(st.characters(codec=None)), st.sampled_from(FRAGMENTS)), max_size=4).map("".join)
MODERATE = settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])


@given(st.lists(ANYTHING, min_size=10, max_size=30))
@MODERATE
def test_any_text_prints_in_full(given):
    assert list(faults(given)) == []


def study(said: list[str]) -> list[Record]:
    """A dense model and three pruned ones, whose names, samples, machines and failures are what was said."""
    name, other, *samples, machine, reason = said
    found = [record(model=name)] + [record(model=name, target="all", sparsity=s) for s in (0.2, 0.5)]
    found += [record(model=other), record(model=other, target="all", sparsity=0.5)]
    found.append(record(model=name, target="mlp", sparsity=0.9, error=reason or "it failed"))
    broken = []
    for one, sample in zip(found, [*samples, *samples], strict=False):
        generation = one.generation
        if generation:
            generation = generation.model_copy(update={"samples": (Sample(prompt=sample, text=sample),)})
        environment = one.environment.model_copy(update={"hardware": machine, "system": machine})
        broken.append(one.model_copy(update={"generation": generation, "environment": environment}))
    return broken


@pytest.mark.parametrize("seed", range(3))
def test_documents_of_a_study_of_any_text_print_and_stay_on_the_page(seed):
    said = strings(7, seed=100 + seed)
    facts = build_facts(study(said))
    contents = contents_of(facts)
    poster, paper = build_poster(contents).content, build_paper(contents).content
    for content in (poster, paper, build_supplement(contents).content):
        assert unembedded(content) == [] == outside(content, sides=40, ends=2)
    assert too_small(poster, 24) == []
    printed = Counter(c for c in text(paper) if not c.isspace())
    for utterance in facts.main.utterances:
        assert not shown(utterance.text[:90].strip(), breaks=True) - printed


@pytest.mark.parametrize("seed", range(2))
def test_every_section_prints_whatever_its_models_are_called(seed):
    records = [*everything(), *full((0, 1))]
    contents = contents_of(build_facts(renamed(records, names(8, seed=200 + seed))))
    assert {shown.key for shown in contents.sections} >= {s.key for s in SECTIONS} - {"miniature"}
    for sheet in FORMATS:
        poster = build_poster(contents, sheet).content
        assert too_small(poster, 24) == [] == outside(poster, sides=72)
    for content in (build_paper(contents).content, build_supplement(contents).content):
        assert unembedded(content) == [] == outside(content, sides=50, ends=18)


def test_a_lost_character_is_noticed(monkeypatch):
    monkeypatch.setattr(hostile, "render", lambda *arguments: render(*arguments).replace("\u0416", ""))
    assert list(faults(["\u0416 and more", "plain"])) == ["'\u0416' is lost 3 times"]
