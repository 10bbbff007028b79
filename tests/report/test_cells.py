"""Promises of cells: what is not asked again comes out as if it had been."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from markupsafe import escape
from reportlab.lib.styles import ParagraphStyle
from z3c.rml import flowable
from z3c.rml.paraparser import Z3CParagraph

from suite.report.fonts import register
from suite.report.pdf import lay_out
from suite.report.rml import cells, elements

STYLE = ParagraphStyle("td", fontName="Sans", fontSize=7, leading=9)
TABLE = """<document filename="x.pdf" invariant="1"><docinit><fonts/></docinit>
<template><pageTemplate id="p" pagesize="200,200"><frame id="f" x1="0" y1="0" width="200" height="200"/>
</pageTemplate></template><stylesheet><paraStyle name="td" fontName="Sans" fontSize="7" leading="9"/>
<paraStyle name="loud" parent="td" textTransform="uppercase"/><blockTableStyle id="t"/></stylesheet><story>
<blockTable style="t" colWidths="60,120" repeatRows="1">{}</blockTable></story></document>"""
ROW = """<tr><td><para style="td"> a
 b </para></td><td background="#EEEEEE"><para style="{}">4 &lt; 5 and <b>bold</b> and\tmany
words that take two lines</para></td></tr>
<tr><td><para style="td" alignment="right">1.5</para></td><td><para style="loud">{}</para></td></tr>"""


@given(
    st.text(
        st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs"), exclude_characters="<>&"),
        min_size=1,
        max_size=40,
    )
)
@settings(max_examples=200)
def test_text_without_markup_is_set_as_the_parser_sets_it(text):
    register()
    element = etree.fromstring(f'<para style="td">{escape(text)}</para>')
    para = cells.Paragraph(element, None)
    ours, theirs = para._styled(STYLE).frags, Z3CParagraph(para.signature["text"].bind(para).get(), STYLE).frags
    assert [vars(one) for one in ours] == [vars(one) for one in theirs]


def test_a_table_is_laid_out_as_z3c_rml_does_alone(monkeypatch):
    rml = TABLE.format("".join(ROW.format("td", "quiet") for _ in range(12)))
    ours = lay_out(rml).raw
    monkeypatch.setitem(elements.OWN, "para", flowable.Paragraph)
    monkeypatch.setattr(cells, "Row", flowable.TableRow)
    assert lay_out(rml).raw == ours


def test_text_is_broken_anew_for_another_width():
    register()
    text = cells.Text("several words that need more than one line where there is little room", STYLE)
    (_, tall), (_, flat) = text.wrap(60, 500), text.wrap(500, 500)
    assert tall > flat == STYLE.leading
    assert text.wrap(60, 500) == (60, tall)
