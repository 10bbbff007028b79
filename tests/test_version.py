"""The version is the same wherever it is written, and one command writes it everywhere."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import suite

ROOT = Path(__file__).resolve().parents[1]
PLACES = ("suite/__init__.py", "CITATION.cff", "container/Dockerfile", "container/lottery.def", "CHANGELOG.md")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for name in ("ci/version", *PLACES):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def version(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, root / "ci" / "version", *words], capture_output=True, text=True)


def test_it_is_the_same_everywhere() -> None:
    assert version(ROOT).stdout.strip() == suite.__version__


def test_one_command_writes_it_everywhere_and_nothing_else(copied: Path) -> None:
    assert version(copied, "9.8.7").returncode == 0
    for name in PLACES:
        before, after = ((root / name).read_text(encoding="utf-8").splitlines() for root in (ROOT, copied))
        assert [line for line in after if "9.8.7" in line], name
        if name != "CHANGELOG.md":
            assert sum(one != other for one, other in zip(before, after, strict=True)) == 1
    assert "## 9.8.7, not released yet" in (copied / "CHANGELOG.md").read_text(encoding="utf-8")
    assert (copied / "CHANGELOG.md").read_text(encoding="utf-8").count("not released yet") == 1


def test_places_that_differ_and_a_version_that_is_none_are_told(copied: Path) -> None:
    assert "is three numbers" in version(copied, "new").stderr
    path = copied / "CITATION.cff"
    path.write_text(path.read_text(encoding="utf-8").replace(suite.__version__, "0.0.9"), encoding="utf-8")
    assert version(copied).returncode == 1 and "the places differ" in version(copied).stderr
