"""A plug-in's section that fails is left out of the documents with a word, and everything else is printed."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import pytest

from suite import plugins
from suite.analysis.facts import build_facts
from suite.plugins import Registry
from suite.report import added
from suite.report.added import ADDED, printed
from suite.report.contents import contents_of
from suite.report.media.page import build_page
from suite.report.section import Section
from tests.plugins.packages import package
from tests.synthetic import phase1

SECTION = """from pathlib import Path
from suite.report.section import Section, Table
WORDS = Path(__file__).with_suffix(".j2")
"""
GOOD = "SECTION = Section('mine', 'A section of mine', lambda facts: 1, words=WORDS)\n"
LEAD = "{% macro lead() %}{{ found }} it is.{% endmacro %}"


@pytest.mark.parametrize(
    ("module", "words", "said"),
    [
        (GOOD, LEAD, None),
        (
            GOOD.replace("1, words", "1 / 0, words"),
            LEAD,
            "is left out, as it fails with ZeroDivisionError: division by",
        ),
        (GOOD.replace("'mine'", "'yours'"), LEAD, "is wrong: its entry point and its `key` are the same word"),
        (GOOD.replace("words=WORDS", "words=None"), LEAD, "`words` is the path of its Jinja file, and is None"),
        (
            GOOD.replace("=WORDS", "=WORDS, tables=(Table('criteria', list, list),)"),
            LEAD,
            "a figure or table 'criteria'",
        ),
        (
            GOOD,
            "{% macro lead() %}{{ nobody }}{% endmacro %}",
            "is left out, as it fails with UndefinedError: 'nobody'",
        ),
        (GOOD, "{% macro lead() %}{{ 0.5 }}{% endmacro %}", "is left out, as it fails with FormatError: 0.5 reached"),
        (GOOD, "{% macro lead() %}", "is left out, as it fails with TemplateSyntaxError"),
        (
            GOOD.replace("=WORDS", "=WORDS, tables=(Table('t', list, lambda found: [1]),)"),
            LEAD,
            "has no caption `table_t`",
        ),
    ],
)
def test_a_section_that_fails_is_left_out_and_the_rest_is_printed(
    site: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    module: str,
    words: str,
    said: str | None,
) -> None:
    package(site, "lottery-bad", {"sections": {"mine": "SECTION"}}, SECTION + module)
    package(site, "lottery-good", {"sections": {"good": "SECTION"}}, SECTION + GOOD.replace("mine", "good"))
    (site / "lottery_bad.j2").write_text(words, encoding="utf-8")
    (site / "lottery_good.j2").write_text(LEAD, encoding="utf-8")
    monkeypatch.syspath_prepend(site)
    for cached in (plugins._entry_points, plugins.tell):
        monkeypatch.setattr(plugins, cached.__name__, cache(cached.__wrapped__))
    monkeypatch.setattr(added, "tell", plugins.tell)
    own = ADDED._own
    monkeypatch.setattr(added, "ADDED", Registry("sections", "section", (Section,), own, added._fault))
    for name in ("lottery_bad", "lottery_good"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    page = printed(contents_of(build_facts(phase1())), build_page).decode()
    assert "A section of good" in page and "How much can go?" in page
    assert ("A section of mine" in page) is (said is None)
    if said:
        assert "plug-in lottery-bad 1.0: section " in caplog.text and said in caplog.text
