"""Promises of text of unknown origin: every character prints, nothing becomes markup, nothing breaks the build."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from suite.report.fonts import common_coverage, coverage
from suite.report.glyphs import BOX, clip, drawable, plain, printable, verbatim

ANYTHING = st.text(st.characters(codec=None), max_size=60)
NASTY = (
    "\x00\x1b[31m\u202e\u200b\ud800 <b>x</b> ]]> &amp; {{ 1/0 }} \u4f60\u597d \U0001f600 caf\u00e9 \u2192 \u0416\t\n"
)


@given(ANYTHING)
@settings(max_examples=300)
def test_every_character_is_set_in_a_face_that_has_it(text):
    for clean, home in ((printable(text), common_coverage()), (verbatim(text), coverage("Mono"))):
        root = etree.fromstring(f"<para>{clean}</para>")
        assert all(child.tag == "font" for child in root)
        for element in root.iter():
            have = coverage(element.get("name")) if element.tag == "font" else home
            assert {ord(c) for c in element.text or ""} <= have
        assert {ord(c) for child in root for c in child.tail or ""} <= home


@given(ANYTHING)
@settings(max_examples=200)
def test_verbatim_loses_no_character(text):
    shown = "".join(etree.fromstring(f"<para>{verbatim(text)}</para>").itertext())
    assert len(shown) == len(text.replace("\r\n", "\n"))


@given(ANYTHING)
@settings(max_examples=100)
def test_attributes_and_figures_take_any_text(text):
    etree.fromstring(f'<para title="{plain(text)}"/>')
    assert all(ord(c) in coverage("Wide") | coverage("Sans") for c in drawable(text))


def test_markup_and_controls_print_as_they_are():
    shown = "".join(etree.fromstring(f"<para>{verbatim(NASTY)}</para>").itertext())
    assert "<b>x</b> ]]> &amp; {{ 1/0 }}" in shown
    assert shown.startswith(BOX * 2 + "[31m" + BOX * 3)


@pytest.mark.parametrize(
    ("text", "most", "clipped"), [("abc", 3, "abc"), ("abcd", 3, "ab\u2026"), ("a bcd", 3, "a\u2026")]
)
def test_clipping_shows(text, most, clipped):
    assert clip(text, most) == clipped


def test_no_break_spaces_stay_between_a_number_and_its_unit():
    assert str(printable("40\u00a0%  of")) == "40\u00a0% of"
