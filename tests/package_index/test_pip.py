"""pip is this environment's, else that of the Python it was made from; without one, a sentence."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from suite.package_index import pip

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment without pip, as in the container image."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False)
    return folder / "bin" / "python"


def ask(python: Path, before: str = "") -> str:
    script = f"import sys; {before}\nfrom suite.package_index.pip import pip\nprint(pip())"
    settings = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, env=settings, check=False)
    return done.stdout + done.stderr


def test_without_pip_the_base_pythons_is_used(bare: Path) -> None:
    base = Path(sys.base_prefix) / "bin" / "python3"
    if subprocess.run([base, "-m", "pip", "--version"], capture_output=True, check=False).returncode:
        pytest.skip("the Python that this environment was made from has no pip")
    assert subprocess.run([bare, "-m", "pip", "--version"], capture_output=True, check=False).returncode
    found = ask(bare)
    assert f"{base.resolve().parent}" in found and str(bare) not in found and "'-m', 'pip'" in found


def test_without_any_pip_a_sentence_says_what_to_do(bare: Path) -> None:
    said = ask(bare, "sys.base_prefix = '/nowhere'; sys._base_executable = None").splitlines()[-1]
    assert "neither" in said and "has pip: install it" in said and "`lottery fetch`" in said


def test_a_pip_in_the_working_directory_is_not_run(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pip.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    ask(bare)
    assert not (tmp_path / "ran").exists()


def test_a_folder_that_pip_removes_meanwhile_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pip-unpack").mkdir()
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "a.whl").write_bytes(b"12345")
    scandir = os.scandir

    def meanwhile(path: str | Path) -> object:
        if Path(path).name == "pip-unpack":
            Path(path).rmdir()
        return scandir(path)

    monkeypatch.setattr(os, "scandir", meanwhile)
    assert pip._came(tmp_path) == 5
