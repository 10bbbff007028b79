"""The benchmark of a whole study runs `lottery run`, and says how much of its time the evaluations took."""

import json
from pathlib import Path

import pytest
import whole_study

from suite.manifest import read_study


def test_a_study_is_run_whole_and_its_evaluations_are_a_part_of_its_time(tmp_path: Path, monkeypatch, capsys) -> None:
    file = tmp_path / "figures.json"
    monkeypatch.setattr(whole_study, "CONTEXT", 256)  # with a word of each kind in it
    options = ["--model", "story-mistral-small", "--dtypes", "float32", "--windows", "2", "--json", str(file)]
    monkeypatch.setattr("sys.argv", ["whole_study.py", *options])
    whole_study.main()
    (row,) = json.loads(file.read_text())["rows"]
    assert row["stage"] == "study"
    assert row["target"] == {"sense": "at most", "value": whole_study.LONGEST}
    assert row["value"] > 1
    assert row["note"].startswith("10 cells in ")
    assert row["note"] in capsys.readouterr().out


def test_every_cell_prunes_the_first_block_so_that_each_evaluation_is_whole(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(whole_study, "CONTEXT", 64)
    dense, *others = read_study(whole_study.write_study(tmp_path, {"name": "story-mistral-small"}, 2)).experiments
    assert dense.dense
    assert {one.target for one in others} == {"blocks"}
    assert len(others) == len(whole_study.SPARSITIES)


def test_what_is_not_evaluation_is_told_apart() -> None:
    took = whole_study.Took(whole=12.0, evaluations=[4.0, 6.0], cells=11.0, prunings=0.5)
    assert took.ratio == pytest.approx(1.2)
    assert took.note == (
        "2 cells in 12 s: evaluations 10 s, pruning 0.5 s, the rest of the cells 0.5 s, before and after them 1 s"
    )


def test_a_study_that_cannot_be_run_is_not_a_figure(tmp_path: Path, capfd) -> None:
    manifest = whole_study.write_study(tmp_path, {"name": "nobody"}, 1)
    with pytest.raises(whole_study.subprocess.CalledProcessError):
        whole_study.measure(manifest, tmp_path)
    assert "nobody" in capfd.readouterr().err
