"""Promises of the figures: any study they are asked for is drawn, and what they show is there to be read."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure

from suite.analysis.facts import Facts, build_facts
from suite.records.experiment import TextReference
from suite.records.schema import Record
from suite.report.contents import Contents, contents_of
from suite.report.drawing import draw
from suite.report.figures.network import _ink
from suite.report.figures.room import Place, Room
from suite.report.figures.style import Style
from suite.report.media.page import FIGURE_STYLE, WIDE, WIDTH
from suite.report.pdf import Size
from suite.report.sections import SECTIONS
from suite.report.theme import theme
from tests.altered import everything
from tests.report.hostile import names, renamed
from tests.report.inspect_pdf import glyphs, text
from tests.synthetic import phase1, record
from tests.trained import full

POSTER, PAPER, PAGE = Style(size=28, line=5.5), Style(size=7.6, line=1.25), FIGURE_STYLE
SIZES = {POSTER: (900.0, 560.0), PAPER: (243.0, 150.0)}
WIKITEXT = TextReference(name="wikitext-2", revision="b" * 40, join="\n\n")
EVERY = [figure.key for section in SECTIONS for figure in section.figures]


def shown(name: str, facts: Facts, style: Style = PAPER) -> str:
    return " ".join(text(draw({name: SIZES[style]}, contents_of(facts), style)).split())


def placed(contents: Contents, style: Style) -> Iterator[tuple[str, Size]]:
    """Every figure, and a size that a document gives it."""
    for one in contents.sections:
        for figure in one.figures:
            width, height = 504.0 if figure.wide else 243.0, figure.tall(one.found)
            if style is PAGE:
                width, height = WIDTH, WIDE if figure.wide else height * WIDTH / 243
            if style is POSTER:
                block = one.section.poster
                if block is None or block.figure != figure.key:
                    continue
                width, height = (1360.0, 560.0) if block.place == "large" else (640.0, block.span(one.found)[0] * 28)
            yield figure.key, (width, height)


def cut_off(contents: Contents, style: Style) -> list[str]:
    """Characters that lie outside their figure, or are smaller than the document's ticks."""
    places = dict(placed(contents, style))
    found = []
    for glyph in glyphs(draw(places, contents, style)):
        (left, bottom, right, top), (name, (width, height)) = glyph.box, list(places.items())[glyph.page]
        if min(left, bottom) < -1 or right > width + 1 or top > height + 1:
            found.append(f"{name}: {glyph.text!r} is cut off at {left:.0f}, {bottom:.0f}")
        if glyph.size < 0.92 * style.size - 0.01:
            found.append(f"{name}: {glyph.text!r} of {glyph.size:.1f} points")
    return found


def study(models: list[str], *more: Record) -> Facts:
    """Each model's blocks searched, its parts pruned alike, every file written."""
    found = []
    for index, model in enumerate(models):
        knee = round(0.4 + 0.01 * index, 2)
        ratios = {0.1: 1.0, knee: 1.08, round(knee + 0.01, 2): 1.2, round(knee + 0.1, 2): 2.5}
        found += [record(model=model), record(model=model, target="attention", sparsity=0.5)]
        found += [record(model=model, target="mlp", sparsity=0.5, ratio=1.3)]
        found += [record(model=model, target="blocks", sparsity=s, ratio=r) for s, r in ratios.items()]
    return build_facts([*found, *more])


def plain(contents: Contents) -> Contents:
    return contents


def hostile(contents: Contents) -> Contents:
    return contents_of(build_facts(renamed([*everything(), *full((0, 1))], names(8, seed=200))))


def test_the_studies_of_these_tests_have_every_figure(whole):
    assert [name for name, _ in placed(whole, PAPER)] == EVERY
    contents = contents_of(build_facts(phase1()))
    assert "network" not in dict(placed(contents, PAPER))
    with pytest.raises(KeyError, match="network"):
        draw({"network": SIZES[PAPER]}, contents, PAPER)


@pytest.mark.parametrize("style", [POSTER, PAPER, PAGE], ids=["poster", "paper", "page"])
@pytest.mark.parametrize("called", [plain, hostile], ids=["plain", "hostile"])
def test_type_is_whole_and_no_smaller_than_the_documents_ticks(whole, style, called):
    assert cut_off(called(whole), style) == []


@pytest.mark.parametrize("style", [POSTER, PAPER], ids=["poster", "paper"])
@pytest.mark.parametrize("count", [1, 2, 30])
def test_figures_draw_a_study_of_any_number_of_models(count, style):
    contents = contents_of(study([f"tale-model{i}-{i}" for i in range(count)]))
    assert cut_off(contents, style) == []
    assert ("crossings" in dict(placed(contents, PAPER))) is (count > 1)
    assert "tale-model0-0, pruned" in shown("bytes", contents.facts, style)
    assert "residual stream" in shown("network", contents.facts, style)


def test_the_network_shows_each_part_with_its_ratio_or_that_it_was_not_measured():
    cells = [record(target=what, sparsity=0.5, ratio=r) for what, r in (("attention", 3.03), ("mlp", 1.52))]
    said = shown("network", build_facts([record(), *cells]))
    for name in ("embeddings", "early layers", "late layers", "output head", "attention", "MLP"):
        assert name in said
    assert "3.03\u00d7" in said and "1.52\u00d7" in said and said.count("n/m") == 5, "four parts and the scale"


def test_the_network_of_a_tied_model_says_that_the_head_is_the_embeddings():
    cells = [record(model="story-qwen-tied", target=what, sparsity=0.5) for what in ("attention", "mlp")]
    tied = build_facts([record(model="story-qwen-tied"), *cells])
    assert "embeddings = head" in shown("network", tied)
    assert "embeddings = head" not in shown("network", study(["a-b"]))


def test_a_scale_that_ends_at_tenfold_says_that_worse_is_as_dark():
    cells = [record(target=what, sparsity=0.9, ratio=r) for what, r in (("attention", 400.0), ("mlp", 70.0))]
    assert "\u2265 10.0\u00d7" in shown("network", build_facts([record(), *cells]))


def test_type_in_a_box_stays_readable_on_a_theme_of_dark_shades():
    assert _ink("#FFFFFF") == _ink(theme().colours["heat"]) == theme().colours["ink"]
    assert _ink("#102040") == "white"


def test_crossings_always_draw_the_main_model_and_say_how_many_are_left_out():
    main = "tale-model7-7"  # not one of every other, from end to end
    facts = study(
        [f"tale-model{i}-{i}" for i in range(20)], record(model=main, target="blocks", sparsity=0.2, ratio=1.0)
    )
    assert facts.main.name == main
    said = shown("crossings", facts)
    drawn = set(re.findall(r"tale-model\d+-\d+", said))
    assert facts.main.name in drawn and len(drawn) == 10 and "10 models not drawn" in said
    assert {"1.1\u00d7 dense", "2\u00d7 dense"} <= set(re.findall(r"[\d.]+\u00d7 dense", said))


def test_a_single_factor_prints_where_each_model_crossed_it_or_did_not():
    records = [record(model=model) for model in "ab"]
    records += [record(model="a", target="blocks", sparsity=s, ratio=r) for s, r in ((0.6, 1.0), (0.61, 1.2))]
    records += [record(model="b", target="blocks", sparsity=s, ratio=1.0) for s in (0.6, 0.7)]
    said = shown("crossings", build_facts(records)).replace("\u00a0", " ")
    assert "60 to 61 %" in said and "> 70 %" in said and "passes 1.1\u00d7 dense" in said


def test_bytes_name_the_other_sizes_of_the_architecture_and_the_sparsities():
    names = ("story-mistral", "story-mistral-small", "story-mistral-large")
    facts = study(list(names))
    said = shown("bytes", facts).replace("\u00a0", " ")
    assert "perplexity (log)" in said and "bytes of the file (MB, log)" in said and " %" in said
    assert facts.main.name in said


@pytest.mark.parametrize(("model", "there"), [("mistral-7b", True), ("phi-2", False)])
def test_recorded_values_stand_in_the_cliff_of_their_own_model_only(model, there):
    cells = [{}, *({"target": "all", "sparsity": s} for s in (0.3, 0.5, 0.7))]
    facts = build_facts([record(model=model, text=WIKITEXT, **cell) for cell in cells])
    said = shown("cliff", facts)
    assert ("recorded, February 2026" in said) is there


@pytest.mark.parametrize("style", [POSTER, PAPER], ids=["poster", "paper"])
def test_labels_in_the_cliff_do_not_lie_on_one_another(style):
    seeds = [record(target="all", sparsity=s, criterion="random", seed=i) for s in (0.1, 0.2) for i in (0, 1, 2)]
    facts = build_facts([*phase1(), record(target="all", sparsity=0.3), *seeds])
    content = draw({"cliff": (504.0, 190.0) if style is PAPER else (1360.0, 560.0)}, contents_of(facts), style)
    boxes = [glyph.box for glyph in glyphs(content)]
    for index, (left, bottom, right, top) in enumerate(boxes):
        for other in boxes[index + 1 :]:
            across = min(right, other[2]) - max(left, other[0])
            assert across < 0.3 * style.size or min(top, other[3]) - max(bottom, other[1]) < 0.2 * style.size


def test_a_label_goes_where_no_line_mark_or_label_is_in_its_way():
    figure = Figure(figsize=(4, 3), layout="constrained")
    FigureCanvasPdf(figure)
    axes = figure.add_subplot()
    axes.set(xlim=(0, 10), ylim=(0, 10))
    room = Room(axes, [[(5, 0), (5, 10)], [(2, 8)]], Style(size=8, line=1))
    across, on_mark, outside = (Place("a label", at, (0, 0), "center") for at in ((5, 5), (2, 8), (10, 5)))
    free = Place("a label", (2, 2), (0, 0), "center")
    for taken in (across, on_mark, outside):
        room.put([taken], most=0.05)
        assert not axes.texts
    room.put([across, on_mark, outside, free])
    assert [found.xy for found in axes.texts] == [(2, 2)]
    room.put([free], most=1)
    assert len(axes.texts) == 1, "the label that lies there is in the way now"
    room.put([across])
    assert len(axes.texts) == 2, "what must be said is said where it covers least"


def test_the_label_of_a_low_axis_is_the_short_one():
    facts = build_facts(phase1())
    low, high = (text(draw({"cliff": (1300.0, height)}, contents_of(facts), POSTER)) for height in (330.0, 620.0))
    assert "lower is better" in high and "lower is better" not in low and "perplexity (log)" in low
