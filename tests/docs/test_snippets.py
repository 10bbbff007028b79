"""Python on a page runs, in the order in which it is read; a real model's name stands for a small one here."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.paths import MANIFESTS
from tests.docs.pages import FOLLOWED, PAGES, ROOT, blocks

SNIPPETS = {
    page: found
    for page in PAGES
    if (found := [block for block in blocks(page) if block.language == "python"]) and page.name != FOLLOWED
}
SMALL = {"smollm2-135m-instruct": "story-mistral-small", "wikitext-2": "stories"}


@pytest.mark.parametrize("page", SNIPPETS, ids=lambda page: page.name)
def test_python_on_a_page_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "manifests").symlink_to(MANIFESTS)
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "page"}
    for block in SNIPPETS[page]:
        text = block.text
        for large, small in SMALL.items():
            text = text.replace(large, small)
        exec(compile("\n" * block.line + text, str(block.page), "exec"), namespace)
    assert float(capsys.readouterr().out.split()[-1]) > 0


def test_the_pages_that_show_python_are_found() -> None:
    assert {page.relative_to(ROOT).as_posix() for page in SNIPPETS} >= {"README.md", "docs/library.md"}
