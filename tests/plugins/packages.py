"""Packages with plug-ins, installed for a test: the example for real, others as pip leaves them on the disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from suite.paths import ROOT
from tests import processes

EXAMPLE = Path(__file__).parent / "example"
STUDY = """title: Mine
models: story-mistral-small
text: {text}
windows: 4
context: 64
experiments: [{{criterion: [{criteria}], target: blocks, sparsity: 0.5}}]
"""
DECLARED = "from suite.pruning.criteria import Criterion\n"
SCORES = DECLARED + "MINE = Criterion('lottery_bad:scores', 'nothing', ('tensor',))\n"
LOTTERY = "import sys\nsys.path[:0] = {paths!r}\nfrom suite.cli import main\nmain()"


def install_example(site: Path, scratch: Path) -> None:
    """Build the example's wheel and install it into a folder, without a network."""
    source = shutil.copytree(EXAMPLE, scratch / "source", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [*command, "--disable-pip-version-check", "--target", str(site), str(source)],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr


def package(
    site: Path, name: str, entries: Mapping[str, Mapping[str, str]], module: str = "", version: str = "1.0"
) -> None:
    """A package as pip installs one: its module, and what it says of itself.

    Args:
        entries: by group (`criteria`), the names and the objects of the module that they stand for.
        module: the text of its one module, which has the package's name.
    """
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    written = []
    for group, objects in entries.items():
        lines = [f"{key} = {name.replace('-', '_')}:{value}" for key, value in objects.items()]
        written += [f"[lottery_suite.{group}]", *lines]
    (folder / "entry_points.txt").write_text("\n".join(written), encoding="utf-8")
    (site / f"{name.replace('-', '_')}.py").write_text(module, encoding="utf-8")


def manifest(folder: Path, criteria: str = "theirs", text: str = "short-stories") -> Path:
    """A study of one small model, dense and by these criteria."""
    path = folder / "mine.yaml"
    path.write_text(STUDY.format(text=text, criteria=criteria), encoding="utf-8")
    return path


def called(folder: Path, *arguments: object, sites: Sequence[Path] = (), **environment: str) -> tuple[int, str, str]:
    """`lottery ARGUMENTS` in a folder, with packages of these sites: its exit code and both outputs."""
    script = LOTTERY.format(paths=[str(path) for path in sites])
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = processes.run(command, env={**os.environ, "OMP_NUM_THREADS": "1", **environment}, cwd=folder)
    return done.returncode, done.stdout, done.stderr


def new_python(folder: Path, script: str, *arguments: object, site: Path, **environment: str) -> str:
    """What a script says in a Python of its own, with the packages of a site."""
    settings = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": "1", **environment}
    command = [sys.executable, *script.split(" ", 1), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=settings, cwd=folder, timeout=300)
    assert done.returncode == 0, f"{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout + done.stderr
