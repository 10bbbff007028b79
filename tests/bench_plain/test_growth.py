"""Growth is measured of real work: tiny sizes here, every law, and what is not measured said to be so."""

import json
from pathlib import Path

import grown_models
import grown_studies
import growth
import pytest

from suite.records.store import read_records


def test_a_models_costs_are_of_sizes_that_double_and_of_work_that_was_done():
    small, large = (grown_models.model_costs(step, 0.125, 1, step == 0) for step in (0, 1))
    assert large.changed == 2 * small.changed
    assert len(small.tokens) == len(grown_models.FACTORS)
    assert large.tokens == ()
    assert min(*small.prune, *small.restore, *small.evaluate) > 0


def test_a_study_is_planned_read_and_printed_with_all_its_cells(tmp_path: Path):
    costs = grown_studies.study_costs(tmp_path / "study", 2, 1)
    assert costs.cells == 250
    records, damaged = read_records([tmp_path / "study" / "records"])
    assert (len(records), damaged) == (251, [])
    assert {path.name for path in (tmp_path / "study" / "out").iterdir()} >= {"poster.pdf", "paper.pdf"}
    assert grown_studies.largest([costs]).value is None  # of 10,000 cells


def test_every_law_comes_into_the_figures(tmp_path: Path, monkeypatch, capsys):
    models = [
        grown_models.ModelCosts(
            **{"changed": size, "multiplied": size, "bytes": 4 * size, "peak": 5 * size},
            **{"prune": (size / 9,), "restore": (size / 10,), "evaluate": (size / 2,)},
            tokens=tuple((float(factor),) for factor in grown_models.FACTORS),
            bytes_by_tokens=(7,) * len(grown_models.FACTORS),
        )
        for size in grown_models.FACTORS
    ]
    studies = [grown_studies.StudyCosts(625 * f, (0.1 * f,), (0.2 * f,), (2.0 * f,)) for f in grown_models.FACTORS]
    laws, largest = [*grown_studies.laws(studies)], grown_studies.largest(studies)
    monkeypatch.setattr(growth, "of_models", lambda repeats, scale: [*grown_models.laws(models)])
    monkeypatch.setattr(growth, "of_studies", lambda repeats, seeds: (laws, largest))
    file = tmp_path / "figures.json"
    monkeypatch.setattr("sys.argv", ["growth.py", "--json", str(file)])
    growth.main()
    rows = json.loads(file.read_text())["rows"]
    assert len(rows) == 10
    assert [row["value"] for row in rows] == pytest.approx([1, 1, 1, 1, 1, 0, 1, 1, 1, 32])
    assert "lottery report, 10,000 cells: 32.00 s" in capsys.readouterr().out
