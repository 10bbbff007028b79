"""The archive one hands in holds all that is needed to check it, and the same results give the same archive."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from suite.records import Plan, Store, read_records
from suite.report.bundle import build_bundle
from tests.synthetic import phase1

DOCUMENTS = {"poster.pdf": b"%PDF-poster", "paper.pdf": b"%PDF-paper", "supplement.pdf": b"%PDF-supplement"}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    store = Store(tmp_path / "results" / "phase1")
    store.prepare()
    for one in phase1():
        store.write(one)
    experiments = tuple(one.experiment for one in phase1())
    store.write_plan(Plan(name="phase1", title="Phase 1", manifest="title: é\n", experiments=experiments))
    return tmp_path / "results"


def opened(content: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(content))


def test_it_holds_documents_records_manifests_and_environment(results: Path, tmp_path: Path):
    archive = opened(build_bundle(DOCUMENTS, [results]))
    names = set(archive.namelist())
    assert {*DOCUMENTS, "manifests/phase1.yaml", "environment.json", "README.txt", "SHA256SUMS"} <= names
    assert archive.read("manifests/phase1.yaml").decode() == "title: é\n"
    archive.extractall(tmp_path / "handed-in")
    records, damaged = read_records([tmp_path / "handed-in" / "records"])
    assert sorted(r.id for r in records) == sorted(r.id for r in phase1()) and damaged == []
    assert Store(tmp_path / "handed-in" / "records" / "phase1").read_plan()


def test_its_records_are_a_table_too(results: Path):
    rows = list(csv.DictReader(io.StringIO(opened(build_bundle(DOCUMENTS, [results])).read("records.csv").decode())))
    assert [row["id"] for row in rows] == sorted(one.id for one in phase1())
    found = {one.id: one for one in phase1()}
    for row in rows:
        one = found[row["id"]]
        assert one.perplexity and float(row["perplexity"]) == one.perplexity.value
        assert float(row["sparsity"] or 0) == one.experiment.sparsity


def test_its_checksums_cover_every_file(results: Path):
    archive = opened(build_bundle(DOCUMENTS, [results]))
    sums = dict(reversed(line.split("  ", 1)) for line in archive.read("SHA256SUMS").decode().splitlines())
    assert set(sums) == set(archive.namelist()) - {"SHA256SUMS"}
    assert all(hashlib.sha256(archive.read(name)).hexdigest() == said for name, said in sums.items())


def test_a_record_that_cannot_be_believed_is_left_out(results: Path):
    path = next(path for path in (results / "phase1").glob("*.json") if path.name != "plan.json")
    path.write_text(path.read_text().replace("perplexity", "Perplexity", 1))
    assert f"records/phase1/{path.name}" not in opened(build_bundle(DOCUMENTS, [results])).namelist()


def test_the_same_results_give_the_same_archive(results: Path):
    first = build_bundle(DOCUMENTS, [results])
    for path in (results / "phase1").iterdir():
        path.touch()
    assert build_bundle(dict(reversed(DOCUMENTS.items())), [results / "phase1"]) == first
