"""A criterion that is added, a function and its line (docs/extend.md), can be planned, run, reported and compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from torch import Tensor

from suite.forecast.experiments import forecast
from suite.machine import Machine
from suite.manifest.expand import read_study
from suite.pruning.amount import Choice
from suite.pruning.criteria import CRITERIA, Criterion, Effort, criterion_names
from suite.records import read_records
from tests.told import claims

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
    monkeypatch.setitem(CRITERIA, "share-of-its-row", line)


def written(folder: Path, name: str, criteria: str) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(STUDY % criteria, encoding="utf-8")
    return path


@pytest.mark.usefixtures("_registered")
@pytest.mark.parametrize("criteria", ["share-of-its-row", "[random, share-of-its-row, magnitude]"])
def test_a_criterion_of_one_s_own_is_run_reported_and_compared(call, tmp_path: Path, criteria: str):
    results = tmp_path / "results"
    done = call("run", written(tmp_path, "mine", criteria), "--results", results)
    assert done.code == 0, done.err
    found = {one.experiment.criterion for one in read_records([results])[0]}
    assert found == {"none", *criteria.strip("[]").split(", ")}
    assert call("compare", results / "mine", results / "mine").code == 0
    done = call("report", results, "--out", tmp_path / "out")
    assert done.code == 0, done.err
    assert "share-of-its-row" in (tmp_path / "out" / "results.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("_registered")
def test_a_criterion_of_one_s_own_stands_where_tables_expect_it_and_in_the_schema(call):
    names = criterion_names()
    assert names[:2] == ("none", "magnitude") and names[-2:] == ("share-of-its-row", "random")
    assert '"share-of-its-row"' in call("schema").out


@pytest.mark.usefixtures("_registered")
@pytest.mark.parametrize(
    ("beside", "message"),
    [
        ("scope: global", "share-of-its-row does not count over scope `global`; take tensor or row"),
        ("pattern: layers, target: blocks", "share-of-its-row chooses single weights, and whole layers go"),
    ],
)
def test_what_a_criterion_of_one_s_own_does_not_do_is_refused(call, tmp_path: Path, beside: str, message: str):
    done = call("plan", written(tmp_path, "mine", f"share-of-its-row, {beside}"))
    assert done.code == 2 and message in done.err


def test_an_unknown_criterion_is_refused_with_those_that_there_are(call, tmp_path: Path):
    done = call("plan", written(tmp_path, "mine", "share-of-its-row"))
    assert done.code == 2 and "criterion 'share-of-its-row' is not one of none, magnitude, wanda" in done.err


def least_missed(
    weight: Tensor, gram: Tensor, choose: Choice, variant: str, cycles: int
) -> tuple[Tensor, Tensor, dict]:
    """What a layer's outputs miss least; the others grow a little, once a cycle."""
    removed = choose(weight.float() * gram.diagonal().sqrt())
    growth = 1 + (0.001 if variant == "paper" else 0.1) * cycles
    return removed, (weight.float() * growth).masked_fill(removed, 0), {"cycles": cycles}


def prepared(gram: Tensor) -> Tensor:
    return gram / gram.diagonal().mean()


@pytest.fixture
def _one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its line in the table, and nothing else anywhere."""
    line = Criterion(
        f"{__name__}:least_missed",
        "gram",
        ("tensor", "row"),
        "row",
        decides="matrix",
        prepare=f"{__name__}:prepared",
        variants=("paper", "code"),
        cycles=3,
        effort=Effort(matrices=2.0, factors=1.0, products=1.0),
        label="LeastMissed",
        rival="wanda",
    )
    monkeypatch.setitem(CRITERIA, "least-missed", line)


OPTIONS = "[wanda, least-missed, {name: least-missed, variant: code}, {name: least-missed, cycles: 7}]"


@pytest.mark.usefixtures("_one_line")
def test_one_line_is_all_that_plan_run_records_and_report_need(call, tmp_path: Path):
    results, path = tmp_path / "results", written(tmp_path, "mine", f"{OPTIONS}, calibration: {{samples: 4}}")
    assert '"least-missed"' in call("schema").out
    assert "least-missed" in call("criteria").out
    assert "can be planned, run, reported" in call("criteria", "least-missed").out
    planned = call("plan", path)
    assert planned.code == 0 and "LeastMissed as coded" in planned.out, planned.err
    done = call("run", path, "--results", results)
    assert done.code == 0, done.err
    records = [one for one in read_records([results])[0] if one.experiment.criterion == "least-missed"]
    assert {(r.experiment.variant, r.experiment.cycles) for r in records} == {("paper", 3), ("code", 3), ("paper", 7)}
    assert {r.pruning.remarks["cycles"] for r in records if r.pruning} == {3 * 28, 7 * 28, 3 * 16, 7 * 16}
    done = call("report", results, "--out", tmp_path / "out")
    assert done.code == 0, done.err
    page = (tmp_path / "out" / "results.html").read_text(encoding="utf-8")
    for words in ("LeastMissed", "LeastMissed, as coded", "LeastMissed, 7 cycles"):
        assert words in page
    told = claims(read_records([results])[0])
    assert "LeastMissed leaves a lower perplexity than Wanda" in told["least-missed_beats_wanda"].statement
    assert "as its paper has it leaves a lower perplexity" in told["least-missed_paper_beats_code"].statement


@pytest.mark.usefixtures("_one_line")
def test_what_its_line_says_it_takes_is_what_is_forecast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    study = read_study(written(tmp_path, "mine", "[least-missed], calibration: {samples: 4}"))
    machine = Machine("a processor", 2, 8 * 10**9)
    before = forecast(study, machine)[1]
    dear = replace(CRITERIA["least-missed"], effort=Effort(matrices=2000.0, factors=500.0, products=500.0))
    monkeypatch.setitem(CRITERIA, "least-missed", dear)
    after = forecast(study, machine)[1]
    assert after.bytes > before.bytes and after.seconds > before.seconds
