"""Promises of the results page: whole in itself, the same bytes anywhere, and nothing foreign becomes markup."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import lxml.html
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from suite.report.page import FIGURE_STYLE, HEIGHTS, WIDTH, build_page
from suite.report.page.colours import GRAPHIC, TEXT, contrast, palette
from suite.report.page.drawn import inline

from suite.analysis.facts import Facts, build_facts
from suite.analysis.values import NotMeasured, Verdict
from suite.cli.page import page as page_command
from suite.paths import TEMPLATES
from suite.records.experiment import TextReference
from suite.records.schema import Sample
from suite.records.store import Store
from suite.report.figures import FIGURES, draw_svg
from suite.report.format import FILTERS
from suite.report.glyphs import BOX
from suite.report.medium import HTML, RML, Medium
from suite.report.templating import environment
from suite.report.theme import theme, use
from tests.altered import everything
from tests.synthetic import phase1, record
from tests.trained import full

HOSTILE = (
    "</script><script>alert(1)</script> <b>{{ 1/0 }}</b> ]]> \u202eevil \u2066\x00\x1b[31m \U0001f9ea \u05d0\"'&amp;"
)
ANYTHING = st.text(st.characters(codec=None), max_size=60)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)
ELSEWHERE = """
import hashlib, random
from suite.analysis.facts import build_facts
from suite.report.page import build_page
from tests.synthetic import embedded
records = embedded()
random.Random(3).shuffle(records)
print(hashlib.sha256(build_page(build_facts(records))).hexdigest())
"""


@pytest.fixture(scope="module")
def page(facts: Facts) -> bytes:
    return build_page(facts)


def parsed(content: bytes) -> lxml.html.HtmlElement:
    return lxml.html.document_fromstring(content.decode())


def said(content: bytes) -> str:
    root = parsed(content)
    for element in root.xpath("//style|//script"):
        element.text = ""
    return " ".join(root.text_content().replace("\u00a0", " ").split())


def named(medium: Medium, facts: Facts) -> Mapping[str, object]:
    return vars(environment(medium=medium).get_template("page/alternatives.html.j2").make_module({"facts": facts}))


def test_rebuilds_are_byte_identical_in_another_process_hash_seed_locale_and_time_zone(page):
    changed = os.environ | {"PYTHONHASHSEED": "12345", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    result = subprocess.run([sys.executable, "-c", ELSEWHERE], env=changed, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == hashlib.sha256(page).hexdigest()


def test_the_page_asks_for_nothing_from_anywhere(page):
    root = parsed(page)
    assert not root.xpath("//link|//iframe|//object|//embed|//base|//form|//audio|//video|//*[@srcset]|//@style")
    assert all(value.startswith("data:") for value in root.xpath("//@src"))
    assert all(url.startswith("data:") for url in re.findall(r"url\(['\"]?([^#)'\"]+)", page.decode()))
    assert "@import" not in page.decode()
    assert not [name for element in root.iter(etree.Element) for name in element.attrib if name.startswith("on")]
    outward = [link for link in root.xpath("//a/@href") if not link.startswith("#")]
    assert outward and all(link.startswith("https://") for link in outward)


def test_its_policy_allows_its_own_style_and_script_by_hash_and_nothing_else(page):
    root = parsed(page)
    (policy,) = root.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'" and "unsafe" not in policy
    for tag in ("style", "script"):
        (element,) = root.xpath(f"//{tag}")
        digest = base64.b64encode(hashlib.sha256(element.text.encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"


def test_every_figure_is_drawn_and_has_a_text_alternative():
    facts = build_facts([*everything(), *full((0, 1))])
    assert set(HEIGHTS) == set(FIGURES)
    alternatives = named(HTML, facts)
    root = parsed(build_page(facts))
    for name in FIGURES:
        assert {name, f"{name}_title"} <= set(alternatives), f"page/alternatives.html.j2 has no words for {name}"
        (figure,) = root.xpath(f"//figure[@id='figure-{name}']")
        (svg,) = figure.xpath("./svg")
        assert svg.get("role") == "img"
        title, description = (figure.xpath(f".//*[@id='{name}-{part}']")[0].text for part in ("title", "desc"))
        assert svg.get("aria-labelledby") == f"{name}-title" and svg.get("aria-describedby") == f"{name}-desc"
        assert len(title) > 15 and len(description) > 40 and re.search(r"\d", description)
        assert not re.search(r"[a-z0-9)]\.[A-Z]", description), "two sentences without a space between"
        assert figure.xpath("./figcaption")[0].text_content().strip()


def test_the_cliff_is_told_in_words_with_the_figure_s_own_numbers(facts, page):
    (description,) = parsed(page).xpath("//*[@id='cliff-desc']")
    main = facts.main
    for point in main.main.coarse:
        assert f"{FILTERS['ppl'](point.perplexity)} at {FILTERS['pct'](point.sparsity)}".replace(
            "\u00a0", " "
        ) in description.text.replace("\u00a0", " ")
    assert f"{FILTERS['ppl'](main.dense_perplexity)} dense" in description.text


def test_ids_are_unique_and_every_reference_has_its_target(page):
    root = parsed(page)
    ids = Counter(root.xpath("//@id"))
    assert [name for name, count in ids.items() if count > 1] == []
    targets = [href[1:] for href in root.xpath("//@href") if href.startswith("#")]
    targets += re.findall(r"url\(#([^)]+)\)", page.decode())
    for attribute in ("aria-labelledby", "aria-describedby", "for"):
        targets += [name for value in root.xpath(f"//@{attribute}") for name in value.split()]
    assert targets and set(targets) <= set(ids)


def test_tables_have_captions_scopes_and_values_to_sort_by(page, facts):
    tables = parsed(page).xpath("//table")
    for table in tables:
        assert table.xpath("./caption")[0].text_content().strip()
        assert all(cell.get("scope") == "col" for cell in table.xpath("./thead//th"))
        assert all(row.xpath("./th[@scope='row']") for row in table.xpath("./tbody/tr"))
        for value in table.xpath("./tbody//@data-value"):
            assert value == "" or float(value) is not None
    (records,) = parsed(page).xpath("//table[@id='records-table']")
    rows = records.xpath("./tbody/tr")
    assert len(rows) == len(facts.cells)
    widths = {len(row) for row in rows} | {len(records.xpath("./thead/tr/th"))}
    assert len(widths) == 1
    ratios = [row.xpath("./td[@data-value]/@data-value")[3] for row in rows]
    assert ratios == ["" if isinstance(cell.ratio, NotMeasured) else repr(cell.ratio) for cell in facts.cells]


def test_the_page_says_what_poster_and_paper_say(page, facts):
    text = said(page)
    for part in ("42 % of the weights of story-mistral can go before perplexity rises 10 %", "a file 31.6 % smaller"):
        assert part in text
    for part in ("attention > early > mlp ≈ late", "15,300", "synthetic processor", "c0ffee0000", "35,789.36"):
        assert part in text, part
    assert "a logit is not finite in window" in text
    assert all(cell.record.id[:10] in text for cell in facts.cells)
    environments = [environment(medium=medium) for medium in (RML, HTML)]
    modules = [env.get_template("shared/claims.j2").make_module({"facts": facts}) for env in environments]
    for name, claim in facts.claims.items():
        rml, html = (getattr(module, name)(claim).striptags() for module in modules)
        assert rml == html and html.replace("\u00a0", " ") in text


@pytest.mark.parametrize("verdict", Verdict, ids=lambda verdict: verdict.name)
def test_verdicts_are_not_told_by_colour_alone(facts, verdict):
    claims = {**facts.claims, "beats_random": replace(facts.claim("beats_random"), verdict=verdict)}
    root = parsed(build_page(replace(facts, claims=claims)))
    badge = root.xpath("//*[@id='claims']//*[contains(@class, 'badge')]")[0]
    assert badge.text_content().split(maxsplit=1)[1] == verdict.value


def test_what_was_not_measured_says_why(page):
    reasons = parsed(page).xpath("//abbr[text()='n/m']/@title")
    assert any("a logit is not finite" in reason for reason in reasons)
    assert all(reason.startswith("not measured: ") for reason in reasons)


def test_phase_1_alone_and_a_dense_run_alone_leave_out_what_they_have_no_records_for():
    text = said(build_page(build_facts(phase1())))
    assert "universal" not in text and "Where does the ticket live" not in text and "What the model says" in text
    text = said(build_page(build_facts([record()])))
    assert "n/m" in text and "before perplexity rises" not in text


def hostile(text: str) -> Facts:
    """A study whose model, text, target, machine, samples and failures are all named by a stranger."""
    reference = TextReference(name=text, revision="sha256:" + "5" * 64, join="\n")
    found = [record(model=text, text=reference)]
    found += [record(model=text, text=reference, target="all", sparsity=s, ratio=1 + s) for s in (0.1, 0.5)]
    found += [record(model=text, text=reference, part=("q", "down"), layers="0-7", sparsity=0.5)]
    found += [record(model=text, text=reference, target="mlp", sparsity=0.5, error=text)]
    broken = []
    for one in found:
        samples = (Sample(prompt=text + "\ud800", text=text * 3),)
        generation = one.generation.model_copy(update={"samples": samples}) if one.generation else None
        machine = one.environment.model_copy(update={"hardware": text, "system": text, "commit": text})
        broken.append(one.model_copy(update={"generation": generation, "environment": machine}))
    return build_facts(broken)


def elements(content: bytes) -> Counter[str]:
    """How many of each element, but for the isolation of what is written from right to left."""
    counts = Counter(str(element.tag) for element in parsed(content).iter(etree.Element))
    return Counter({tag: count for tag, count in counts.items() if tag != "bdi"})


def outside_svg(content: bytes) -> Counter[str]:
    return elements(re.sub(rb"<svg.*?</svg>", b"", content, flags=re.DOTALL))


def test_hostile_names_and_samples_are_text_and_nothing_else():
    content = build_page(hostile(HOSTILE))
    assert outside_svg(content) == outside_svg(build_page(hostile("plain")))
    assert len(parsed(content).xpath("//script")) == 1
    text = said(content)
    assert "</script><script>alert(1)" in text and "{{ 1/0 }}" in text and "&amp;" in text and "\U0001f9ea" in text
    assert not {"\u202e", "\u2066", "\x00", "\x1b"} & set(content.decode()) and f"{BOX}evil" in text


@given(ANYTHING)
@settings(max_examples=300)
def test_no_text_becomes_markup_or_hides(text):
    for shown in (HTML.printable(text), HTML.verbatim(text)):
        root = lxml.html.fragment_fromstring(str(shown), create_parent="div")
        assert {element.tag for element in root.iter()} <= {"div", "bdi"}
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", str(shown))
        str(shown).encode()
    if not re.search("[\u0590-\U0001ffff]", text):
        shown = lxml.html.fragment_fromstring(f"<p>|{HTML.verbatim(text)}|</p>").text_content()  # | keeps spaces alone
        assert len(shown) - 2 == len(text.replace("\r\n", "\n"))
    root = lxml.html.fromstring(f'<p title="{HTML.plain(text)}">x</p>')
    assert set(root.attrib) == {"title"} and root.text == "x"


@given(NAMES)
@settings(max_examples=8)
def test_any_name_builds_the_same_elements(text):
    assert outside_svg(build_page(hostile(text))) == outside_svg(build_page(hostile("plain")))


def test_a_figure_s_words_may_hold_anything(facts):
    svg = draw_svg("speed", WIDTH, 200, facts, FIGURE_STYLE)
    root = etree.fromstring(inline(svg, "speed", "<b>&", "]]> </svg><script>", palette()))
    assert [element.text for element in root[:2]] == ["<b>&", "]]> </svg><script>"]


def test_figures_take_their_colours_from_the_page():
    colours, facts = palette(), build_facts([*everything(), *full((0, 1))])
    for name, height in HEIGHTS.items():
        svg = str(inline(draw_svg(name, WIDTH, height(facts) or 0, facts, FIGURE_STYLE), name, "t", "d", colours))
        assert "style=" not in svg and "<style" not in svg
        fixed = re.sub(r"light-dark\([^)]*\)", "", svg)
        assert re.findall(r'(?:fill|stroke)="(?:#[0-9a-f]{6}|white|black)"', fixed) == []
        used = set(re.findall(r"var\(--([\w-]+)\)", svg))
        assert used <= set(colours)


def test_every_colour_of_text_can_be_read_light_and_dark():
    colours = palette()
    texts = ["ink", "navy", "mute", "accent", "coherent", "degraded", "incoherent", "control-text"]
    texts += [name for name in colours if name.startswith("series") and name.endswith("-text")]
    for mode in (0, 1):
        for name in texts:
            for ground in ("ground", "pale", "paleblue"):
                assert contrast(colours[name][mode], colours[ground][mode]) >= TEXT, (name, ground, mode)
        for step in range(11):
            assert contrast(colours["ink"][mode], colours[f"shade-{step}"][mode]) >= TEXT, (step, mode)
        assert contrast(colours["amber"][mode], colours["hero"][mode]) >= TEXT
    for index in range(len(theme().series)):
        assert contrast(colours[f"series-{index}"][1], colours["pale"][1]) >= GRAPHIC


def test_a_team_s_own_theme_is_the_page_s_too(tmp_path, facts):
    (tmp_path / "logo.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h9v9z"/></svg>'
    )
    (tmp_path / "team.yaml").write_text(
        'title: Ours <b>\nteam: {name: "Us & them", url: "https://example.org/x?a=1&b=2", logo: logo.svg}\n'
        'colours: {accent: "#F5E000"}\n'
    )
    try:
        use(tmp_path / "team.yaml")
        root = parsed(build_page(facts))
        colours = palette()
    finally:
        use(None)
    assert root.xpath("//h1")[0].text == "Ours <b>" and root.xpath("//title")[0].text == "Ours <b>"
    assert root.xpath("//header//a/@href") == ["https://example.org/x?a=1&b=2"]
    (logo,) = root.xpath("//header//img")
    assert logo.get("src").startswith("data:image/svg+xml;base64,") and logo.get("alt") == "Us & them"
    assert contrast(colours["accent"][0], "#FFFFFF") >= TEXT


def test_the_command_writes_the_page_and_prints_where_it_lies(tmp_path: Path):
    store = Store(tmp_path / "results" / "phase1")
    store.prepare()
    for found in phase1():
        store.write(found)
    result = CliRunner().invoke(
        page_command, [str(store.folder), "--out", str(tmp_path / "out")], catch_exceptions=False
    )
    assert result.output.strip().endswith("results.html")
    assert (tmp_path / "out" / "results.html").read_bytes().startswith(b"<!DOCTYPE html>")


def test_style_sheet_names_no_colour_but_the_theme_s():
    style = (TEMPLATES / "page" / "style.css").read_text(encoding="utf-8")
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(", style)
    assert set(re.findall(r"var\(--([\w-]+)\)", style)) - {"sans", "mono", "column"} <= set(palette())
