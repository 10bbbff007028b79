"""The recipes of docs/extend.md are followed to the letter, in a copy of the suite, and what they promise is run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, FOLLOWED, ROOT, Block, blocks, typed

PAGE = DOCS / FOLLOWED
COPIED = ("suite", "templates", "manifests", "docs", "pyproject.toml")
TESTS = ("__init__.py", "conftest.py", "invented.py")
SHELL = re.compile(r"^\.venv/bin/(lottery|python) (.*)$")


def changed(text: str, block: Block) -> str:
    """A file's text with the lines of a diff added, each hunk where the lines around it stand, and only there."""
    for hunk in re.split(r"^@@.*\n", block.text, flags=re.MULTILINE):
        lines = hunk.splitlines()
        before = "\n".join(line[1:] for line in lines if line[:1] != "+")
        after = "\n".join(line[1:] for line in lines if line[:1] != "-")
        assert text.count(before) == 1, f"{block}: {block.title} has these lines {text.count(before)} times:\n{before}"
        text = text.replace(before, after)
    return text


def call(folder: Path, *words: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The suite once a reader has done all that the page says."""
    folder = tmp_path_factory.mktemp("extended")
    for name in (*COPIED, *(f"tests/{name}" for name in TESTS)):
        (target := folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__", "reference"))
        else:
            shutil.copy(ROOT / name, target)
    for block in blocks(PAGE):
        if block.title is not None:
            path = folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            made = changed(path.read_text(encoding="utf-8"), block) if block.language == "diff" else block.text
            path.write_text(made, encoding="utf-8")
    return folder


def test_every_recipe_has_a_test_that_passes(extended: Path) -> None:
    recipes = re.findall(r"^## (A .*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    tests = [block.title for block in blocks(PAGE) if block.title and Path(block.title).name.startswith("test_")]
    assert len(tests) == len(recipes) - 1 == 5  # a study is a manifest
    said = call(extended, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
    assert re.search(r"^\d+ passed", said, re.MULTILINE)


def test_every_command_runs_and_shows_what_was_added(extended: Path) -> None:
    said = ""
    for _, line in typed(PAGE):
        if found := SHELL.match(line):
            command, _, target = found[2].partition(" > ")
            program = ["-m", "suite"] if found[1] == "lottery" else []
            out = call(extended, *program, *command.split())
            said += out
            if target:
                assert (extended / target).read_text(encoding="utf-8") != out, f"{target} did not change"
                (extended / target).write_text(out, encoding="utf-8")
    assert "relative-magnitude" in said


def test_what_is_written_by_the_page_is_in_the_suite_s_style(extended: Path) -> None:
    files = [block.title for block in blocks(PAGE) if block.title and block.title.endswith(".py")]
    call(extended, "-m", "ruff", "check", *files)
    call(extended, "-m", "ruff", "format", "--check", *files)


def test_a_diff_that_does_not_fit_is_told(extended: Path) -> None:
    block = Block(PAGE, 1, "diff", "a.py", " one\n+two\n three\n")
    assert changed("one\nthree\n", block) == "one\ntwo\nthree\n"
    with pytest.raises(AssertionError, match="0 times"):
        changed("one\nfour\n", block)
