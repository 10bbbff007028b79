"""The locks pin what the project asks for and what its tests run with, every package by its hashes."""

import importlib.machinery
import importlib.util
import json
import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
TORCH = {"x86_64": "2.10.0", "aarch64": "2.13.0"}


def program(path: str) -> ModuleType:
    """A program without `.py`, as a module."""
    loader = importlib.machinery.SourceFileLoader(Path(path).name.replace("-", "_"), str(ROOT / path))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def lock(machine: str) -> str:
    return (ROOT / "container" / f"requirements-{machine}.lock").read_text()


def pinned(text: str) -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", text, re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


@pytest.mark.parametrize("machine", TORCH)
def test_it_pins_what_the_project_asks_for(machine: str):
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    versions = pinned(lock(machine))
    for requirement in map(Requirement, asked):
        assert versions[canonicalize_name(requirement.name)] in requirement.specifier
    assert versions["torch"] == TORCH[machine]


@pytest.mark.parametrize("machine", TORCH)
def test_it_pins_what_the_tests_run_with(machine: str):
    tested = pinned((ROOT / "requirements.txt").read_text())
    locked = pinned(lock(machine))
    assert {name: locked.get(name) for name in tested if name != "torch"} == {
        name: version for name, version in tested.items() if name != "torch"
    }


@pytest.mark.parametrize("machine", TORCH)
def test_every_package_has_hashes_and_no_index_is_named(machine: str):
    text = lock(machine)
    entries = re.findall(r"^[a-z0-9-]+==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    assert len(entries) == text.count("==") > 80
    assert "://" not in text
    assert "index" not in text


@pytest.mark.parametrize("machine", TORCH)
def test_the_bill_of_materials_names_every_package_and_its_users(machine: str):
    bill: dict[str, Any] = program("container/sbom").bill(machine)
    versions = {c["name"]: c["version"] for c in bill["components"] if c["type"] == "library"}
    assert versions == pinned(lock(machine))
    assert all(c["externalReferences"][0]["hashes"] for c in bill["components"] if c["type"] == "library")
    needed = {ref for entry in bill["dependencies"] for ref in entry["dependsOn"]}
    assert needed == {component["bom-ref"] for component in bill["components"]}  # none is there for nobody
    assert json.dumps(bill) == json.dumps(program("container/sbom").bill(machine))


def test_a_known_vulnerability_fails_and_an_unanswered_package_is_named(monkeypatch, capsys, tmp_path: Path):
    check = program("ci/check-vulnerabilities")
    path = tmp_path / "requirements-x.lock"
    path.write_text("sound==1\nweak==2\nsilent==3\n")
    answers = [
        {"name": "sound", "version": "1", "vulns": []},
        {"name": "weak", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]},
        {"name": "silent", "skip_reason": "not found"},
    ]
    monkeypatch.setattr(check, "audit", lambda tool, lock, service: answers)
    monkeypatch.setattr(check, "ROOT", tmp_path)
    (tmp_path / "container").mkdir()
    tools = tmp_path / "container" / "tools"
    tools.write_text("#!/bin/sh\necho bin\n")
    tools.chmod(0o755)
    monkeypatch.setattr("sys.argv", ["check-vulnerabilities", str(path)])
    assert check.main() == 1
    said = capsys.readouterr().out
    assert "weak 2: PYSEC-1, cured in 2.1" in said
    assert "skipped: vulnerabilities of silent" in said
