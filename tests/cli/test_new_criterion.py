"""A criterion that is added, a function and its line (docs/extend.md), can be planned, run, reported and compared."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import Tensor

from suite.pruning.criteria import CRITERIA, Criterion, criterion_names
from suite.records import read_records

STUDY = """title: A new criterion
models: story-mistral-small
text: short-stories
windows: 40
target: [blocks, attention]
sparsity: [0.3, 0.6]
experiments: [{criterion: %s}]
"""


def smallest_in_its_row(weight: Tensor) -> Tensor:
    """A weight counts as much as its share of its row's largest magnitude."""
    return weight.float().abs() / weight.float().abs().amax(1, keepdim=True)


@pytest.fixture
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Criterion(f"{__name__}:smallest_in_its_row", "nothing", ("tensor", "row"))
    monkeypatch.setitem(CRITERIA, "relative-magnitude", line)


def written(folder: Path, name: str, criteria: str) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(STUDY % criteria, encoding="utf-8")
    return path


@pytest.mark.usefixtures("_registered")
@pytest.mark.parametrize("criteria", ["relative-magnitude", "[random, relative-magnitude, magnitude]"])
def test_a_criterion_of_one_s_own_is_run_reported_and_compared(call, tmp_path: Path, criteria: str):
    results = tmp_path / "results"
    done = call("run", written(tmp_path, "mine", criteria), "--results", results)
    assert done.code == 0, done.err
    found = {one.experiment.criterion for one in read_records([results])[0]}
    assert found == {"none", *criteria.strip("[]").split(", ")}
    assert call("compare", results / "mine", results / "mine").code == 0
    done = call("report", results, "--out", tmp_path / "out")
    assert done.code == 0, done.err
    assert "relative-magnitude" in (tmp_path / "out" / "results.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("_registered")
def test_a_criterion_of_one_s_own_stands_where_tables_expect_it_and_in_the_schema(call):
    assert criterion_names()[:2] == ("none", "magnitude")
    assert criterion_names()[-2:] == ("relative-magnitude", "random")
    assert '"relative-magnitude"' in call("schema").out


@pytest.mark.usefixtures("_registered")
@pytest.mark.parametrize(
    ("beside", "message"),
    [
        ("scope: global", "relative-magnitude does not count over scope `global`; take tensor or row"),
        ("pattern: layers, target: blocks", "relative-magnitude chooses single weights, and whole layers go"),
    ],
)
def test_what_a_criterion_of_one_s_own_does_not_do_is_refused(call, tmp_path: Path, beside: str, message: str):
    done = call("plan", written(tmp_path, "mine", f"relative-magnitude, {beside}"))
    assert done.code == 2 and message in done.err


def test_an_unknown_criterion_is_refused_with_those_that_there_are(call, tmp_path: Path):
    done = call("plan", written(tmp_path, "mine", "relative-magnitude"))
    assert done.code == 2 and "criterion 'relative-magnitude' is not one of none, magnitude, wanda" in done.err
