"""The functions of a plug-in's criterion are held to what they are to return; where they fail, they fail alone."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import suite
from suite.library import modules
from suite.records import read_records
from tests import processes
from tests.plugins.packages import DECLARED, called, manifest, package

WRONG = {  # what the function of each criterion does, and what is said of it
    "shape": ("return weight[0].float()", "is to return scores [64, 192], of a float dtype of up to 32 bits, int16 or"),
    "dtype": ("return weight.double()", "and found float64 [64, 192]"),
    "kind": ("return [1.0]", "and found a list"),
    "raises": ("return weight.nothing()", "fails with AttributeError: 'Tensor' object has no attribute 'nothing'"),
    "absent": (None, "fails with AttributeError: module 'lottery_bad' has no attribute 'absent'"),
}
CHOICES = {  # what the function returns, and what is said of it; None: it is right
    "right": ("removed, None", None),
    "alone": ("removed", "and found a Tensor"),
    "floats": ("removed.float(), None", "and found float32 [64, 64] for what goes"),
    "part": ("removed, weight[:1]", "and found float16 [1, 64] for the corrected weights"),
    "number": ("removed, None, 3", "and found a int for the counts"),
}
LIBRARY = """import json, sys
sys.path[:0] = [{!r}]
import suite
model, found = suite.load("story-mistral-small"), {{}}
for name in {!r}:
    try:
        with model.pruned(name, 0.5, part=("q",), calibration="short-stories-training", samples=2) as report:
            found[name] = report.zeros / report.weights
    except suite.ExperimentError as error:
        found[name] = str(error)
    assert model.restored()
print(json.dumps(found))
"""


def test_what_returns_something_else_fails_its_cells_alone(tmp_path: Path, site: Path) -> None:
    module = DECLARED
    for name, (body, _) in WRONG.items():
        module += f"{name.upper()} = Criterion('lottery_bad:{name}', 'nothing', ('tensor',))\n"
        module += f"def {name}(weight):\n    {body}\n" if body else ""
    package(site, "lottery-bad", {"criteria": {name: name.upper() for name in WRONG}}, module)
    path = manifest(tmp_path, ", ".join([*WRONG, "magnitude"]))
    code, _, wrong = called(tmp_path, "run", path, "--results", "results", sites=[site])
    assert code == 1, wrong
    found = {one.experiment.criterion: one for one in read_records([tmp_path / "results"])[0]}
    assert {name for name, one in found.items() if one.status == "done"} == {"none", "magnitude"}
    for name, (_, said) in WRONG.items():
        error = str(found[name].error)
        assert error.startswith(f"criterion {name!r} of plug-in lottery-bad 1.0: lottery_bad:{name} ")
        assert said in error
        assert [use.distribution for use in found[name].environment.plugins] == ["lottery-bad"]


def test_a_choice_that_is_none_is_told_as_well(site: Path) -> None:
    module = DECLARED
    for name, (returned, _) in CHOICES.items():
        module += f"{name.upper()} = Criterion('lottery_bad:{name}', 'gram', ('tensor',), decides='matrix')\n"
        module += f"def {name}(weight, gram, choose):\n    removed = choose(weight.float())\n    return {returned}\n"
    package(site, "lottery-bad", {"criteria": {name: name.upper() for name in CHOICES}}, module)
    command = [sys.executable, "-c", LIBRARY.format(str(site), list(CHOICES))]
    done = processes.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    for name, (_, said) in CHOICES.items():
        if said is None:
            assert found[name] == 0.5
        else:
            assert f"criterion {name!r} of plug-in lottery-bad 1.0: lottery_bad:{name} is to return" in found[name]
            assert said in found[name]


def test_a_module_is_as_it_was_where_a_criterion_fails_after_some_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    def half(sizes: dict[str, int], *_: object, **__: object) -> Iterator[tuple[str, torch.Tensor]]:
        yield next(iter(sizes)), torch.ones(8, 8, dtype=torch.bool)
        raise suite.ExperimentError("a plug-in fails")

    monkeypatch.setattr(modules, "choose", half)
    network = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Linear(8, 8))
    before = [value.clone() for value in network.parameters()]
    with pytest.raises(suite.ExperimentError, match="a plug-in fails"):
        suite.prune_(network, "magnitude", 0.5)
    assert all(torch.equal(one, other) for one, other in zip(before, network.parameters(), strict=True))
