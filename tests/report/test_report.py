"""Promises of `lottery report`: the same documents as one by one, all or none, and an error in one sentence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from suite.cli.report import documents, report
from suite.errors import EXIT_INPUT, InputError
from suite.gc_paused import gc_paused
from suite.records.store import Store
from suite.report.parallel import TaskError, in_parallel
from tests.synthetic import phase1, record


def refuse() -> bytes:
    raise InputError("the study is empty; run one")


def stumble() -> bytes:
    raise KeyError("a template is at fault")


def vanish() -> bytes:
    os.kill(os.getpid(), signal.SIGKILL)
    return b""


@pytest.fixture
def results(tmp_path: Path) -> Path:
    store = Store(tmp_path / "results" / "phase1")
    store.prepare()
    for found in phase1():
        store.write(found)
    return store.folder


def test_building_again_side_by_side_gives_the_same_bytes(contents, poster, paper, supplement, page):
    pdfs = {"poster.pdf": poster, "paper.pdf": paper, "supplement.pdf": supplement}
    made = {name: pdf.content for name, pdf in pdfs.items()}
    assert in_parallel(documents(contents, "48x36"), parallel=True) == {**made, "results.html": page}


@pytest.mark.parametrize("parallel", [False, True])
def test_results_come_in_the_order_of_the_tasks(parallel):
    tasks = {name: lambda name=name: name.encode() * 100_000 for name in "abc"}
    made = in_parallel(tasks, parallel)
    assert list(made) == ["a", "b", "c"] and made["b"] == b"b" * 100_000


@pytest.mark.parametrize("parallel", [False, True])
def test_an_input_error_comes_out_as_it_was(parallel):
    with pytest.raises(InputError, match="^the study is empty; run one$"):
        in_parallel({"fine": lambda: b"", "bad": refuse}, parallel)


def test_a_fault_in_a_process_comes_out_with_its_traceback():
    with pytest.raises(TaskError, match="(?s)bad cannot be made.*stumble.*a template is at fault"):
        in_parallel({"fine": lambda: b"", "bad": stumble}, parallel=True)


def test_a_process_that_dies_is_an_error_and_no_endless_wait():
    with pytest.raises(TaskError, match="bad ended before it was done"):
        in_parallel({"fine": lambda: b"", "bad": vanish}, parallel=True)


def test_the_command_writes_every_document(results, tmp_path):
    arguments = [str(results), "--out", str(tmp_path / "out"), "--format", "a0-portrait"]
    said = CliRunner().invoke(report, arguments, catch_exceptions=False).output.split()
    names = ["paper.pdf", "poster-a0-portrait.pdf", "results.html", "supplement.pdf"]
    assert sorted(Path(line).name for line in said) == names == sorted(p.name for p in (tmp_path / "out").iterdir())


def test_where_one_document_cannot_be_made_none_is_written(results, tmp_path, monkeypatch):
    monkeypatch.setattr("suite.report.media.page.build_page", lambda contents: refuse())
    with pytest.raises(InputError, match="the study is empty"):
        CliRunner().invoke(report, [str(results), "--out", str(tmp_path / "out")], catch_exceptions=False)
    assert not (tmp_path / "out").exists()


def test_no_finished_record_is_one_sentence_and_no_file(tmp_path):
    store = Store(tmp_path / "results")
    store.prepare()
    store.write(record(error="no memory"))
    command = [sys.executable, "-c", "from suite.cli import main; main()", "report", str(store.folder)]
    done = subprocess.run([*command, "--out", str(tmp_path / "out")], capture_output=True, text=True)
    assert done.returncode == EXIT_INPUT and not (tmp_path / "out").exists() and done.stdout == ""
    assert done.stderr.startswith("lottery: the results hold no finished experiment") and done.stderr.count("\n") == 1


def test_collection_of_garbage_is_left_as_it_was_found():
    import gc

    with gc_paused():
        assert not gc.isenabled()
    assert gc.isenabled()
