"""Every way to break a template stops the build and says why."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jinja2
import pytest
from lxml import etree

from suite.analysis.values import MissingResultError, NotMeasured
from suite.paths import TEMPLATES
from suite.report.contents import Contents
from suite.report.drawing import draw
from suite.report.figures.style import Style
from suite.report.format import FILTERS, FormatError
from suite.report.pdf import LayoutOverflowError, PageError, Pdf, build
from suite.report.rml.check import RmlError
from suite.report.templating import render

PAGE = """{% from "media/pieces.rml.j2" import docinit with context %}
<document filename="x.pdf" invariant="1">{{ docinit() }}
<template pagesize="(400,300)">
<pageTemplate id="p"><frame id="f" x1="20" y1="20" width="360" height="260"/></pageTemplate></template>
<stylesheet><paraStyle name="b" fontName="Sans" fontSize="12" leading="15"/>
<blockTableStyle id="t"><blockFont name="Sans" size="10" leading="12"/></blockTableStyle></stylesheet>
<story><column id="only">BODY</column></story></document>"""
Try = Callable[..., Pdf]


@pytest.fixture
def attempt(tmp_path: Path, contents: Contents) -> Try:
    """Builds a page with the body given, as the reports are built."""
    shutil.copytree(TEMPLATES / "media", tmp_path / "media")

    def build_page(body: str, **context: Any) -> Pdf:
        (tmp_path / "page.rml.j2").write_text(PAGE.replace("BODY", body), encoding="utf-8")
        given = {"facts": contents.facts, "claims": contents.claims, **context}
        rml = render("page.rml.j2", given, tmp_path)
        return build(rml, partial(draw, contents=contents, style=Style(8, 1)), pages=1)

    return build_page


def test_a_sound_page_builds(attempt):
    assert attempt('<para style="b">{{ facts.finished|int }}</para>').fills["only"] < 0.2


@pytest.mark.parametrize(
    ("body", "error", "says"),
    [
        ("{{ facts.finnished|int }}", jinja2.UndefinedError, "finnished"),
        ('{{ facts.model("gpt").name }}', MissingResultError, "gpt"),
        ('{{ claims["beats_all"].evidence }}', jinja2.UndefinedError, "beats_all"),
        ('{{ claims["beats_random"]["chosn"]|ratio }}', jinja2.UndefinedError, "chosn"),
        ("{{ facts.headline.tolerance }}", FormatError, "1.1 reached the page"),
        ("{{ facts.failures[0].ratio }}", FormatError, "NotMeasured"),
        ("{{ facts.cells[0].experiment.seed }}", FormatError, "None"),
        ("{{ facts.main.name|num }}", FormatError, "num cannot print"),
        ("{{ 1.5|int }}", FormatError, "whole"),
        ('{{ cite("wandb2024") }}', KeyError, "not in the bibliography"),
    ],
)
def test_what_is_missing_or_unformatted_stops_the_build(attempt, body, error, says):
    with pytest.raises(error, match=says):
        attempt(f'<para style="b">{body}</para>')


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ('<spacerr length="8"/>', "no element <spacerr>"),
        ('<spacer lenght="8"/>', "no attribute 'lenght'"),
        ('<para style="b"><bold>x</bold></para>', "no element <bold>"),
        ('<para style="b">\u65e5\u672c</para>', "no glyph .* '\u65e5'"),
        ('<fixedSize width="10" height="5"><para style="b">x</para></fixedSize>', "<fixedSize> is not allowed"),
        ('<keepInFrame onOverflow="shrink"><para style="b">x</para></keepInFrame>', "<keepInFrame> is not allowed"),
        ('<plugInFlowable module="os" function="system">ls</plugInFlowable>', "<plugInFlowable> is not allowed"),
        ('<image file="x.png"/>', "<image> is not allowed"),
        ('<blockTable style="t"><tr><td>bare</td></tr></blockTable>', "into <para>"),
    ],
)
def test_rml_that_would_print_wrongly_is_refused_with_its_line(attempt, body, says):
    with pytest.raises(RmlError, match=says):
        attempt(body)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ('<para style="b">' + "and more " * 400 + "</para>", "column 'only': the content is .* too tall"),
        ('<figure name="speed" width="300" height="400" least="300"/>', "too tall"),
        ('<figure name="speed" width="500" height="100"/>', "figure 'speed' is 500 pt wide"),
        (
            '<blockTable style="t" colWidths="300,300"><tr><td><para style="b">x</para></td><td/></tr></blockTable>',
            "table",
        ),
    ],
)
def test_overflow_is_an_error_in_every_direction(attempt, body, says):
    with pytest.raises(LayoutOverflowError, match=says):
        attempt(body)


def test_malformed_rml_and_unknown_figures_are_errors(attempt):
    with pytest.raises(etree.XMLSyntaxError):
        attempt('<para style="b">x')
    with pytest.raises(KeyError, match="clif"):
        attempt('<figure name="clif" width="100" height="100"/>')
    with pytest.raises(PageError, match="twice"):
        attempt('<figure name="speed" width="100" height="100"/>' * 2)


def test_a_second_page_is_an_error(attempt):
    with pytest.raises(PageError, match="2 pages and should have 1"):
        attempt('<para style="b">x</para></column><nextPage/><column id="second"><para style="b">y</para>')


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_every_filter_prints_what_was_not_measured_as_n_m(name):
    assert "n/m" in FILTERS[name](NotMeasured("no time"))


def test_filters_print_numbers_as_the_reports_promise():
    shown = [FILTERS["pct"](0.4), FILTERS["pct"](0.2857), FILTERS["change"](1.078), FILTERS["change"](0.5)]
    assert shown == ["40\u00a0%", "28.6\u00a0%", "+7.8\u00a0%", "\u221250\u00a0%"]
    shown = [FILTERS["sig"](5.2531), FILTERS["sig"](35789.36), FILTERS["ppl"](1239.63), FILTERS["ratio"](0.999)]
    assert shown == ["5.2531", "35,789", "1,240", "1.00\u00d7"]
    assert [FILTERS["num"](-0.0004, 3), FILTERS["num"](-0.4, 1)] == ["0.000", "\u22120.4"]
    assert [FILTERS["bytes"](13_760_000_000), FILTERS["int"](15300), FILTERS["dur"](5400)] == [
        "13.8\u00a0GB",
        "15,300",
        "1.5\u00a0h",
    ]
