"""Published results: nobody writes a table by hand, and a figure that misses its target says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.bench.figures import Figures, Row, at_least, at_most, row
from suite.bench.published import BEGIN, END, Published, Run, in_place, read_published, table, tables
from suite.errors import InputError
from suite.paths import ROOT


def published(hardware: str, *rows: Row) -> Published:
    figures = Figures(benchmark="prune", hardware=hardware, torch="2", threads=2, rows=rows)
    run = Run(benchmark="prune", date="2026-01-31", commit=None, figures=figures)
    return Published(hardware=hardware, system="Linux", libraries={}).with_run(run)


def test_tables_of_documents_are_what_the_published_results_make() -> None:
    for document, made in tables(read_published(ROOT / "ci" / "bench" / "results")).items():
        text = document.read_text(encoding="utf-8")
        why = f"{document.name} has not the table of ci/bench/results: python ci/bench/publish.py --table"
        assert text == in_place(text, made), why


def test_every_figure_with_a_target_is_in_one_document() -> None:
    machine = published(
        "A", row("growth", "prune", [1.0], "exponent", target=at_most(1.1)), row("prune", "x", [1], "s")
    )
    machine = machine.with_run(machine.runs[0].model_copy(update={"benchmark": "other"}))
    lines = [line for made in tables([machine]).values() for line in made.splitlines() if line.startswith("| growth")]
    assert len(lines) == 1 and "growth" not in tables([machine])[ROOT / "docs" / "benchmarks.md"]


def test_an_edit_by_hand_would_show() -> None:
    made = table([published("A", row("prune", "float16", [4.0], "copies", target=at_most(5)))])
    text = in_place(f"before\n{BEGIN}\n{END}\nafter\n", made)
    assert text == in_place(text, made) and text.startswith("before\n") and text.endswith("\nafter\n")
    edited = text.replace("4 copies", "3 copies")
    assert edited != text and in_place(edited, made) == text


def test_targets_stand_beside_figures_and_a_miss_is_said() -> None:
    one = published("A", row("prune", "float16", [4, 6, 7], "copies", target=at_most(5)))
    other = published("B", row("prune", "float16", [5], "copies", target=at_most(5)))
    assert "| prune | float16 | at most 5 copies | 6 copies (missed) | 5 copies |" in table([one, other]).splitlines()


def test_what_a_machine_cannot_measure_is_said() -> None:
    aim = at_least(0.75)
    one = published("A", row("evaluate", "7B, GPU", [], "share", target=aim))
    other = published("B", row("evaluate", "7B, GPU", [0.8], "share", target=aim))
    line = "| evaluate | 7B, GPU | at least 75% | not measured | 80% | not measured |"
    assert line in table([one, other, published("C")]).splitlines()


def test_a_new_run_takes_the_place_of_the_old_one_and_others_stay() -> None:
    found = published("A", row("prune", "x", [1], "s"))
    other = Run(benchmark="growth", date="2026-01-31", commit="abc")
    again = Run(benchmark="prune", date="2026-02-01", commit="abc")
    names = [(run.benchmark, run.date) for run in found.with_run(other).with_run(again).runs]
    assert names == [("growth", "2026-01-31"), ("prune", "2026-02-01")]


def test_a_file_that_holds_no_results_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(InputError, match="a.json holds no published results"):
        read_published(tmp_path)
    with pytest.raises(InputError, match="lacks the marks"):
        in_place("a document", "a table")
