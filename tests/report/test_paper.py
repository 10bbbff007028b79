"""Promises of the paper: what it states is what the code does, and what it shows is where a reader looks for it."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from itertools import groupby

import numpy as np
import pytest
import torch
from suite.report.paper import build_paper
from suite.report.rules import RULES

from suite.analysis.facts import build_facts
from suite.evaluation import blocks, coherence, gate, generation, writing
from suite.evaluation.interval import mean_interval
from suite.machine import pick_dtype
from suite.pruning.keys import random_keys
from suite.records.experiment import Continuation, Sequential
from suite.records.plan import Plan, PlannedSearch
from suite.records.schema import FactorVerdict, Record, SequentialTest
from suite.report import paper as paper_
from suite.report.theme import theme
from suite.runner import session
from tests.invented import PROTOCOL
from tests.report.inspect_pdf import glyphs, text
from tests.synthetic import embedded, experiment, phase1, record

MANIFEST = """title: A study
models: story-mistral
experiments:
  # Indented, and kept so.
  - target: all
    sparsity: [0.5, 0.7, 0.9]
"""


def plan(**changes: object) -> Plan:
    cells = [found.experiment for found in phase1()]
    return Plan(name="mine", title="A study", manifest=MANIFEST, experiments=tuple(cells)).model_copy(update=changes)


def said(content: bytes) -> str:
    return " ".join(text(content).replace("\u00a0", " ").split())


def rml(facts, monkeypatch) -> str:
    """The paper's markup, caught on its way to the layout."""
    caught = []
    monkeypatch.setattr(paper_, "build", lambda markup, figure: caught.append(markup) or build(markup, figure))
    build_paper(facts)
    return caught[-1]


build = paper_.build


def summed_in(one: Record, softmax: str) -> Record:
    assert one.perplexity is not None
    protocol = one.perplexity.protocol.model_copy(update={"softmax": softmax})
    return one.model_copy(update={"perplexity": one.perplexity.model_copy(update={"protocol": protocol})})


def test_it_says_in_what_the_losses_of_its_records_were_summed() -> None:
    cells = phase1()
    before = [summed_in(one, "float32") for one in cells]
    wordings = {
        "their sums, each token’s loss and all means are in float64.": cells,
        "their sums are in float32, and the sums and means of losses in float64.": before,
        "their sums are in float32 or float64, as the record says, and": [*before[:1], *cells[1:]],
    }
    for wording, records in wordings.items():
        found = said(build_paper(build_facts(records)).content)
        assert wording in found and "1.6e−5 nats too low" in found


def test_it_says_how_much_its_records_wrote() -> None:
    cells = phase1()
    assert "greedy decoding of 50 new tokens after" in said(build_paper(build_facts(cells)).content)
    fewer = [wrote(one, Continuation(prompts=8, tokens=20)) for one in cells]
    found = said(build_paper(build_facts(fewer)).content)
    assert "greedy decoding of 20 new tokens after" in found and "the other 19 are decoding" in found
    assert "Each model continues 8 prompts" in found and "50 new tokens" not in found
    found = said(build_paper(build_facts([*cells[:1], *fewer[1:]])).content)
    assert "greedy decoding of 50 or 20 (each record says how many) new tokens" in found


def wrote(one: Record, asked: Continuation) -> Record:
    experiment = one.experiment.model_copy(update={"generation": asked})
    return one.model_copy(update={"experiment": experiment, "id": experiment.id})


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("gate", gate.ALLOWED),
        ("logits_at_once", blocks.LOGITS_AT_ONCE),
        ("tokens_a_batch", session.TOKENS_A_BATCH),
        ("new_tokens", writing.NEW_TOKENS),
        ("repeats", generation.REPEATS),
        ("samples_kept", generation.SAMPLES_KEPT),
        ("prompts", len(coherence.PROMPTS)),
        ("more_repeated", coherence.MORE_REPEATED),
        ("fewer_distinct", coherence.FEWER_DISTINCT),
        ("judge_factor", coherence.JUDGE_FACTOR),
        ("more_faults", coherence.MORE_FAULTS[0]),
    ],
)
def test_the_rules_the_paper_states_are_those_of_the_code(rule, value):
    assert RULES[rule] == value


def test_faults_alone_make_no_model_incoherent_and_bfloat16_begins_where_the_paper_says():
    assert math.isinf(coherence.MORE_FAULTS[1])
    major = int(RULES["bfloat16_from"])
    assert pick_dtype("auto", (major, 0), "float16")[0] == "bfloat16"
    assert pick_dtype("auto", (major - 1, 9), "float16")[0] == "float16"


def test_random_removal_can_be_written_anew_from_the_paper():
    name, seed, shape = "model.layers.0.mlp.up_proj.weight", 3, torch.Size((5, 7))
    key = hashlib.sha256(f"lottery/random/{seed}/{name}".encode()).digest()[: RULES["key_bytes"]]
    raw = np.random.Philox(key=int.from_bytes(key, "little")).random_raw(shape.numel())
    half = RULES["word_bits"]
    words = [(int(word) >> shift) % 2 ** (half - 1) for word in raw for shift in (0, half)]
    assert random_keys(shape, seed, name).flatten().tolist() == words[: shape.numel()]


def test_intervals_covered_what_the_paper_says_they_did():
    found = []
    for correlation in (0.0, RULES["simulated_correlation"]):
        for windows in RULES["simulated_windows"]:
            noise = np.random.default_rng(windows).normal(size=(RULES["simulations"], windows))
            for column in range(1, windows):
                fresh = math.sqrt(1 - correlation**2) * noise[:, column]
                noise[:, column] = correlation * noise[:, column - 1] + fresh
            low, high = mean_interval(noise)
            found.append(float(((low <= 0) & (high >= 0)).mean()))
    assert (round(min(found), 3), round(max(found), 3)) == RULES["coverage"]


@pytest.mark.parametrize("study", [embedded, phase1, lambda: [record()]], ids=["embedded", "phase1", "dense"])
def test_every_figure_and_table_is_numbered_in_order_and_referred_to(study, monkeypatch):
    markup = rml(build_facts(study()), monkeypatch)
    for kind, word in (("fig", "Figure"), ("tab", "Table")):
        placed = re.findall(rf'<a name="{kind}-([\w-]+)"/><b>{word} (\d+)\.', markup)
        referred = Counter(re.findall(rf'href="#{kind}-([\w-]+)"', markup))
        assert {key for key, _ in placed} == set(referred)
        assert len(placed) == len({key for key, _ in placed})
        assert sorted(int(number) for _, number in placed) == list(range(1, len(placed) + 1))


def test_the_columns_of_the_text_are_full_up_to_the_references(paper):
    """Neither a float nor a heading leaves a hole: what does not fit waits while the text goes on."""
    found = glyphs(paper.content)
    pages = [page for page, end in enumerate(_pages(paper.content)) if "References" in end]
    for page in range(1, pages[0]):
        for left, right in ((54, 297), (315, 558)):
            column = [g.box[1] for g in found if g.page == page and left <= g.box[0] < right and g.box[1] > 50]
            assert min(column) < 54 + 0.12 * 686, f"page {page + 1}, column from {left}"


def _pages(content: bytes) -> list[str]:
    """What each page says, without its spaces."""
    return ["".join(g.text for g in page) for _, page in groupby(glyphs(content), key=lambda g: g.page)]


def test_a_study_prints_its_manifest_commands_and_what_is_left_to_run():
    cells = phase1()
    planned = plan(
        experiments=(*(c.experiment for c in cells), experiment(target="mlp", sparsity=0.5)),
        searches=(PlannedSearch(template=experiment(target="attention"), factors=(1.1,)),),
    )
    found = said(build_paper(build_facts(cells, [planned])).content)
    assert (
        "; 1 is still to be run." in found and "1 is still to be run (the first: story-mistral, mlp at 50 %)" in found
    )
    assert "1 search is not at its end" in found
    for line in MANIFEST.splitlines():
        assert line.strip() in found
    assert "lottery run manifests/mine.yaml" in found and "lottery compare results/mine THEIRS/mine" in found


def stepped(sparsity: float, windows: int) -> Record:
    """A record of a step of a search that stopped after so many of 60 windows."""
    asked = Sequential(factors=(1.1, 2.0))
    test = SequentialTest(
        ratio=1.3,
        low=1.2,
        high=1.4,
        verdicts=(FactorVerdict(factor=1.1, exceeds=True), FactorVerdict(factor=2.0, exceeds=False)),
        stopped="decided",
        windows=windows,
        limit=30,
        tokens=windows * 255,
        order=tuple(range(windows)),
        nll_per_window=(2.0,) * windows,
        protocol=PROTOCOL,
    )
    cell = experiment(sparsity=sparsity, measure=(), sequential=asked)
    found = record(sparsity=sparsity, measure=()).model_copy(update={"id": cell.id, "experiment": cell})
    return found.model_copy(update={"sequential": test}).sealed()


def test_steps_that_stopped_early_are_told_of_and_are_no_cells() -> None:
    cells = phase1()
    facts = build_facts([*cells, stepped(0.34, 9), stepped(0.36, 15)])
    assert [step.sparsity for step in facts.steps] == [0.34, 0.36] and len(facts.cells) == len(cells)
    found = said(build_paper(facts).content)
    assert "2 steps evaluated windows in a random order, 20 % of the text on average" in found
    assert "excluded each factor (error about 1 %)" in found
    assert "random order" not in said(build_paper(build_facts(cells)).content)


def test_a_complete_study_says_nothing_of_what_is_left():
    found = said(build_paper(build_facts(phase1(), [plan()])).content)
    assert "to be run (" not in found and "Not all of" not in found


def test_records_stand_by_model_with_a_header_on_every_page(paper, facts):
    listed = [page for page in _pages(paper.content) if "TargetShareBudget" in page]
    assert len(listed) > 1
    for model in facts.models:
        assert any(model.name in page for page in listed)


def test_the_paper_is_not_a_test_of_the_hypothesis_and_says_so(paper):
    found = said(paper.content)
    assert "not a test of the lottery ticket hypothesis" in found.lower() and "Nothing here was trained again" in found


def test_sizes_and_names_come_from_the_theme(facts, monkeypatch):
    own = theme().model_copy(
        update={"team": theme().team.model_copy(update={"name": "A Team", "url": "https://example.org/x"})}
    )
    monkeypatch.setattr("suite.report.templating.theme", lambda: own)
    markup = rml(facts, monkeypatch)
    assert "A Team" in markup and 'href="https://example.org/x"' in markup
    assert f'fontSize="{theme().sizes.paper.title:g}"' in markup


def test_a_failed_cell_is_marked_in_the_table_of_records(facts, paper):
    listed = said(paper.content).rpartition("Every record, by model")[2]
    assert listed.count("failed") == 1 + sum(not cell.done for cell in facts.cells)  # the caption says it as well
