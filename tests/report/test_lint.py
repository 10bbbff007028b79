"""No number is typed by hand in the prose of a template."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest

from suite.paths import TEMPLATES

WORDS = "one two three four five six seven eight nine ten eleven twelve twenty fifty hundred thousand million percent"
NUMBER = re.compile(rf"\d[\d.,]*|\b(?:{'|'.join(WORDS.split())})\b", re.IGNORECASE)
PRONOUN = r"\b(?:the|dense|sparse|larger) one\b"  # what "one" stands for was named before
TERMS = re.compile(rf"{PRONOUN}|one-shot|SHA-256|&#\w+;", re.IGNORECASE)  # and names of things, and entities
FILES = sorted(TEMPLATES.rglob("*.j2"))


def typed_numbers(source: str) -> Iterator[str]:
    """The numbers in the prose of a template: outside Jinja's tags and outside RML's."""
    prose = "".join(value if kind == "data" else "\x00" for _, kind, value in jinja2.Environment().lex(source))
    prose = re.sub(r"<paraStyle.*?>|<[^>]*>", " ", prose, flags=re.DOTALL)
    yield from NUMBER.findall(TERMS.sub(" ", prose))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_templates_hold_no_typed_number(path: Path):
    assert list(typed_numbers(path.read_text(encoding="utf-8"))) == []


def test_the_lint_sees_digits_and_number_words_and_passes_terms():
    source = '<para style="b2">At 50 % of {{ 3|int }} seeds, Seven of the dense one fail in one step of SHA-256.</para>'
    assert list(typed_numbers(source)) == ["50", "Seven", "one"]
