"""Promises of the results page: whole in itself, the same bytes anywhere, and nothing foreign becomes markup."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import lxml.html
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from suite.analysis.facts import build_facts
from suite.analysis.values import NotMeasured, Verdict
from suite.cli.page import page as page_command
from suite.paths import MANIFESTS, TEMPLATES
from suite.records.experiment import TextReference
from suite.records.schema import Sample
from suite.records.store import Store, read_plans, read_records
from suite.report import tables
from suite.report.contents import Contents, contents_of
from suite.report.drawing import draw_svg
from suite.report.format import pct, ppl, times
from suite.report.glyphs import BOX
from suite.report.media.page import DIGITS, FIGURE_STYLE, VERDICTS, WIDTH, build_page
from suite.report.media.web.colours import GRAPHIC, TEXT, contrast, palette
from suite.report.media.web.drawn import inline
from suite.report.media.web.slider import slider
from suite.report.medium import HTML
from suite.report.theme import theme, use
from suite.report.wording import Wording
from tests.synthetic import phase1, record

HOSTILE = (
    "</script><script>alert(1)</script> <b>{{ 1/0 }}</b> ]]> \u202eevil \u2066\x00\x1b[31m \U0001f9ea \u05d0\"'&amp;"
)
ANYTHING = st.text(st.characters(codec=None), max_size=60)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)
ELSEWHERE = """
import hashlib, random
from suite.analysis.facts import build_facts
from suite.report.contents import contents_of
from suite.report.media.page import build_page
from tests.synthetic import embedded
records = embedded()
random.Random(3).shuffle(records)
print(hashlib.sha256(build_page(contents_of(build_facts(records)))).hexdigest())
"""


@pytest.fixture(scope="module")
def whole_page(whole: Contents) -> bytes:
    return build_page(whole)


def parsed(content: bytes) -> lxml.html.HtmlElement:
    return lxml.html.document_fromstring(content.decode())


def said(content: bytes) -> str:
    root = parsed(content)
    for element in root.xpath("//style|//script"):
        element.text = ""
    return " ".join(root.text_content().replace("\u00a0", " ").split())


def packed(content: bytes) -> list[list[object]]:
    """The records that the page holds as data."""
    (data,) = parsed(content).xpath("//script[@id='records-data']")
    found: list[list[object]] = json.loads(data.text)
    return found


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
        (element,) = root.xpath(f"//{tag}[not(@type)]")
        digest = base64.b64encode(hashlib.sha256(element.text.encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"


def test_every_figure_has_a_text_alternative_with_the_numbers_of_its_table(whole, whole_page):
    root, words = parsed(whole_page), Wording(whole, HTML, "page")
    for shown in whole.sections:
        for one in shown.figures:
            (svg,) = root.xpath(f"//figure[@id='figure-{one.key}']/svg")
            assert svg.get("role") == "img"
            assert svg.get("aria-labelledby") == f"{one.key}-title"
            assert svg.get("aria-describedby") == f"{one.key}-desc"
            title, description = (svg.xpath(f"./*[@id='{one.key}-{part}']")[0].text for part in ("title", "desc"))
            table = shown.table(one.table) if one.table else None
            assert table is not None, f"{one.key} has no table that tells the same"
            assert description == tables.words(table, shown.found) and len(re.findall(r"\d", description)) >= 6
            assert title == words.caption(shown, one).striptags() and len(title) > 15
            assert not re.search(r"[a-z0-9)]\.[A-Z]", description), "two sentences without a space between"
            assert root.xpath(f"//figure[@id='figure-{one.key}']/figcaption")[0].text_content().strip()


def test_the_cliff_is_told_in_words_with_the_figure_s_own_numbers(contents, page):
    (description,) = parsed(page).xpath("//*[@id='cliff-desc']")
    shown = contents.find("cliff")
    for point in shown.table("cliff").rows(shown.found):
        assert f"{100 * point.sparsity:.0f} %: perplexity" in description.text.replace("\u00a0", " ")


def test_every_section_is_folded_and_has_a_link_of_its_own(whole, whole_page):
    root = parsed(whole_page)
    folded = {one.get("id"): one for one in root.xpath("//main/details[@class='section']")}
    assert {shown.key for shown in whole.sections} <= set(folded)
    assert {"method", "limits", "made", "records", "references"} <= set(folded)
    assert not [name for name, one in folded.items() if "open" in one.attrib]
    for shown in whole.sections:
        section = folded[shown.key]
        assert section.xpath("./summary/h2")[0].text == shown.title
        assert len(section.xpath(".//table")) == len(shown.tables)
        if shown.claims:
            assert root.xpath(f"//ul[@class='verdicts']//a[@href='#{shown.key}']")
    drawn = [one for one in root.xpath("//main//figure") if not one.xpath("./ancestor::details")]
    assert len(drawn) == 1 and root.xpath("//main//*[@id='slider']"), "the overview has the cliff and the slider"


def test_the_page_of_everything_that_ships_is_under_a_megabyte():
    folders = sorted(path for path in (MANIFESTS / "reference").iterdir() if path.is_dir())
    contents = contents_of(build_facts(read_records(folders)[0], read_plans(folders)))
    content = build_page(contents)
    assert len(content) < 1_000_000
    cells = [cell for family in contents.facts.families for cell in family.cells]
    assert len(packed(content)) == len(cells) > 200


def test_the_slider_stops_at_every_measured_sparsity_of_the_first_model_and_nowhere_else(page, facts):
    stops = parsed(page).xpath("//*[@class='stop']")
    points = [point for point in facts.main.main.points if isinstance(point.perplexity, float)]
    assert [float(stop.get("data-place")) for stop in stops] == [0.0, *(point.sparsity for point in points)]
    for stop, point in zip(stops[1:], points, strict=True):
        assert f"{pct(point.sparsity)} removed, perplexity {ppl(point.perplexity)}, {times(point.ratio)}" in stop.get(
            "data-said"
        )
    assert sum(stop.get("hidden") is None for stop in stops) == 1, "without a script one of them is shown"


def test_a_part_has_a_figure_on_the_slider_only_where_it_alone_was_pruned_as_much(facts):
    found = slider(facts)
    assert found is not None
    columns = facts.main.heat.sparsities
    rows = dict(facts.main.heat.rows)
    for stop in found.stops:
        for part, value in stop.parts.items():
            if stop.sparsity in columns and part in rows:
                assert value == rows[part][columns.index(stop.sparsity)]
            elif stop.sparsity:
                assert isinstance(value, NotMeasured) and stop.shade(part) == "missing"


def test_a_study_of_too_few_points_has_no_slider():
    alone = contents_of(build_facts([one for one in phase1() if one.experiment.dense]))
    assert slider(alone.facts) is None and b'id="slider"' not in build_page(alone)


def test_every_record_is_in_the_page_with_its_numbers(page, facts):
    rows = packed(page)
    assert [row[0] for row in rows] == [cell.record.id[:10] for cell in facts.cells]
    for row, cell in zip(rows, facts.cells, strict=True):
        assert row[1] == cell.model and row[11] == cell.record.status
        assert row[12:] == ([] if cell.done else [cell.record.error])
        for number, value in ((row[5], cell.perplexity), (row[6], cell.ratio)):
            assert number == (None if isinstance(value, NotMeasured) else float(f"{value:.{DIGITS}g}"))


def test_ids_are_unique_and_every_reference_has_its_target(page):
    root = parsed(page)
    ids = Counter(root.xpath("//@id"))
    assert [name for name, count in ids.items() if count > 1] == []
    targets = [href[1:] for href in root.xpath("//@href") if href.startswith("#")]
    targets += re.findall(r"url\(#([^)]+)\)", page.decode())
    for attribute in ("aria-labelledby", "aria-describedby", "for"):
        targets += [name for value in root.xpath(f"//@{attribute}") for name in value.split()]
    assert targets and set(targets) <= set(ids)


def test_tables_have_captions_scopes_and_values_to_sort_by(whole_page):
    found = parsed(whole_page).xpath("//table")
    assert len(found) > 20
    for table in found:
        assert table.xpath("./caption")[0].text_content().strip()
        assert all(cell.get("scope") == "col" for cell in table.xpath("./thead//th"))
        assert all(row.xpath("./th[@scope='row' or @scope='colgroup']") for row in table.xpath("./tbody/tr"))
        width = len(table.xpath("./thead/tr/th"))
        assert {len(row) for row in table.xpath("./tbody/tr[not(@class)]")} == {width}
        for value in table.xpath("./tbody//@data-value"):
            assert float(value) is not None


def test_the_page_says_what_poster_and_paper_say(page, contents):
    words = said(page)
    for part in (
        "42 %",
        "of the weights of story-mistral can go before perplexity rises 10 %",
        "a file 31.6 % smaller",
    ):
        assert part in words
    for part in ("attention > early > mlp ≈ late", "15,300", "synthetic processor", "c0ffee0000", "35,789.36"):
        assert part in words, part
    assert "a logit is not finite in window" in words
    for claim in contents.claims.values():
        assert claim.statement.replace("\u00a0", " ") in words
        assert claim.evidence.replace("\u00a0", " ")[1:] in words


@pytest.mark.parametrize("verdict", Verdict, ids=lambda verdict: verdict.name)
def test_verdicts_are_not_told_by_colour_alone(contents, verdict):
    first, *others = contents.sections
    claims = (replace(first.claims[0], verdict=verdict), *first.claims[1:])
    changed = Contents(contents.facts, (replace(first, claims=claims), *others))
    root = parsed(build_page(changed))
    for place in ("//ul[@class='verdicts']", f"//details[@id='{first.key}']"):
        badge = root.xpath(f"{place}//*[contains(@class, 'badge')]")[0]
        assert badge.text_content().split(maxsplit=1)[1] == verdict.value
    counts = root.xpath("//h2[@id='claims']/following-sibling::p")[0].text_content()
    assert re.search(rf"\d+ ({'|'.join(VERDICTS[verdict])})", counts)


def test_what_was_not_measured_says_why(page):
    reasons = parsed(page).xpath("//abbr[text()='n/m']/@title")
    assert reasons and all(re.match(r"not measured: \w.{6,}", reason) for reason in reasons)
    assert ["a logit is not finite in window 12; the model is not usable"] in [row[12:] for row in packed(page)]


def test_phase_1_alone_and_a_dense_run_alone_leave_out_what_they_have_no_records_for():
    text = said(build_page(contents_of(build_facts(phase1()))))
    assert "universal" not in text and "Where does the ticket live" not in text and "What the model says" in text
    text = said(build_page(contents_of(build_facts([record()]))))
    assert "n/m" in text and "before perplexity rises" not in text


def hostile(text: str) -> Contents:
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
    return contents_of(build_facts(broken))


def elements(content: bytes) -> Counter[str]:
    """How many of each element, but for the isolation of what is written from right to left."""
    counts = Counter(str(element.tag) for element in parsed(content).iter(etree.Element))
    return Counter({tag: count for tag, count in counts.items() if tag != "bdi"})


def outside_svg(content: bytes) -> Counter[str]:
    return elements(re.sub(rb"<svg.*?</svg>", b"", content, flags=re.DOTALL))


def test_hostile_names_and_samples_are_text_and_nothing_else():
    content = build_page(hostile(HOSTILE))
    assert outside_svg(content) == outside_svg(build_page(hostile("plain")))
    assert len(parsed(content).xpath("//script")) == 2
    assert packed(content)[0][1] == HTML.printable(HOSTILE).striptags()
    assert not re.search(
        "[\x00-\x1f\u202a-\u202e\u2066-\u2069]", "".join(str(v) for row in packed(content) for v in row)
    )
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


def test_a_figure_s_words_may_hold_anything(contents):
    svg = draw_svg("speed", WIDTH, 200, contents, FIGURE_STYLE)
    root = etree.fromstring(inline(svg, "speed", "<b>&", "]]> </svg><script>", palette()))
    assert [element.text for element in root[:2]] == ["<b>&", "]]> </svg><script>"]


def test_figures_take_their_colours_from_the_page(whole_page):
    colours = palette()
    drawn = re.findall(r"<svg.*?</svg>", whole_page.decode(), flags=re.DOTALL)
    assert len(drawn) > 15
    for svg in drawn:
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


def test_a_team_s_own_theme_is_the_page_s_too(tmp_path, contents):
    (tmp_path / "logo.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h9v9z"/></svg>'
    )
    (tmp_path / "team.yaml").write_text(
        'title: Ours <b>\nteam: {name: "Us & them", url: "https://example.org/x?a=1&b=2", logo: logo.svg}\n'
        'colours: {accent: "#F5E000"}\n'
    )
    try:
        use(tmp_path / "team.yaml")
        root = parsed(build_page(contents))
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
    style = (TEMPLATES / "media" / "style.css").read_text(encoding="utf-8")
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(", style)
    assert set(re.findall(r"var\(--([\w-]+)\)", style)) - {"sans", "mono", "column"} <= set(palette())
