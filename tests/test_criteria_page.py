"""The page of the criteria says what the tests hold the suite to, of criteria that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from suite import declared
from suite.manifest.schema import Manifest
from suite.paths import MANIFESTS, ROOT
from suite.pruning.criteria import CRITERIA
from tests.test_known_answers import THEIRS

PAGE = (ROOT / "docs" / "criteria.md").read_text(encoding="utf-8")
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split("|")) for line in PAGE.splitlines() if line.startswith("| ")
]


def test_its_table_has_every_answer_of_the_authors_code_and_ours_within_what_is_allowed() -> None:
    said = {row[0].replace(", as coded", "").replace(", 10 cycles", ""): row[1:4] for row in ROWS if len(row) == 5}
    for name, (_, zeros, theirs, near, _) in THEIRS.items():
        found = said[name]
        assert found[0] == f"{zeros:,}" and float(found[1]) == theirs, name
        assert abs(float(found[2]) / theirs - 1) <= near, name


def test_every_criterion_that_it_names_in_a_manifest_is_there() -> None:
    named = set(re.findall(r"criterion: ([a-z-]+)", PAGE)) | set(re.findall(r"name: ([a-z-]+)", PAGE))
    assert named <= set(CRITERIA) and {"dsnot", "admm", "reap", "block-influence"} <= named


@pytest.mark.parametrize("manifest", ["criteria-2026", "laptop-criteria-2026"])
def test_the_manifests_of_today_hold_the_criteria_of_today_in_both_variants(manifest: str) -> None:
    cells = declared.parse(Manifest, *declared.understand(*read(manifest)), "a manifest").experiments
    asked = {(entry.name, entry.variant) for grid in cells for entry in grid.criterion}
    assert {(name, None) for name in ("magnitude", "wanda", "ria", "dsnot", "sparsegpt", "admm", "alps")} <= asked
    assert {("dsnot", "code"), ("admm", "code"), ("block-influence", None)} <= asked


def read(manifest: str) -> tuple[str, Path]:
    path = MANIFESTS / f"{manifest}.yaml"
    return path.read_text(encoding="utf-8"), path
