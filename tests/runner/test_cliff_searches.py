"""A search for the cliff finds what measuring everything finds, goes on where it was, and says why it stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.manifest import read_study
from suite.records import Store
from suite.runner.worklist import Worklist
from tests.runner.running import Quiet, Write, run


def test_a_cliff_is_searched_resumed_and_not_searched_twice(write_manifest: Write, tmp_path: Path) -> None:
    search = "{target: blocks, cliff: {factors: [1.001, 1.005], whole: true}}"
    path = write_manifest(f"[{{target: blocks, sparsity: [0.3, 0.5]}}, {search}]")
    with pytest.raises(KeyboardInterrupt):
        run(path, tmp_path / "cut", Quiet(stop_after=6))
    run(path, tmp_path / "cut")
    outcome, observer = run(path, tmp_path / "whole")
    assert {file.name for file in (tmp_path / "cut").iterdir()} == {
        file.name for file in (tmp_path / "whole").iterdir()
    }
    ratios = {r.experiment.sparsity: r.perplexity.ratio_to_dense for r in observer.records if r.perplexity}
    assert len(ratios) == outcome.done == len(observer.records)
    for factor in (1.001, 1.005):
        above = min(sparsity for sparsity, ratio in ratios.items() if ratio > factor)
        assert round(above - 0.01, 2) in ratios
    outcome, observer = run(path, tmp_path / "whole")
    assert (outcome.there, outcome.done, observer.loaded) == (len(ratios), 0, [])


def test_a_search_that_stops_early_finds_the_same_and_its_records_say_why(
    write_manifest: Write, tmp_path: Path
) -> None:
    grid = "[{{target: blocks, cliff: {{factors: [1.001, 1.005], whole: {}}}}}]"
    _, whole = run(write_manifest(grid.format("true"), context="16"), tmp_path / "whole")
    assert not any(record.experiment.sequential for record in whole.records)
    _, early = run(write_manifest(grid.format("false"), context="16"), tmp_path / "early")
    cells = {r.experiment.sparsity: r.perplexity for r in early.records if r.perplexity}
    steps = [(r.experiment.sparsity, r.sequential, r.perplexity) for r in early.records if r.experiment.sequential]
    assert steps
    everywhere = {r.experiment.sparsity: r.perplexity for r in whole.records if r.perplexity}
    for factor in (1.001, 1.005):
        first = [min(s for s, q in found.items() if q.ratio_to_dense > factor) for found in (everywhere, cells)]
        assert first[0] == first[1] and round(first[0] - 0.01, 2) in cells
    for sparsity, step, quality in steps:
        assert step is not None and quality is None
        assert step.stopped == ("limit" if None in step.exceeds.values() else "decided")
        assert step.windows <= step.limit < step.text_windows == len(everywhere[0.0].nll_per_window)
        if sparsity in everywhere:  # the same windows' losses, by their numbers in the text
            losses = everywhere[sparsity].nll_per_window
            assert step.nll_per_window == pytest.approx([losses[number] for number in step.order], rel=1e-5)


def test_steps_that_are_clear_take_few_windows(write_manifest: Write, tmp_path: Path) -> None:
    _, observer = run(write_manifest("[{target: blocks, cliff: 1000}]", context="16"), tmp_path / "results")
    (last,) = (r.experiment.sparsity for r in observer.records if r.perplexity and not r.experiment.dense)
    assert last == 0.99  # that nothing was crossed is said of the whole text
    steps = [record.sequential for record in observer.records if record.sequential]
    assert len(steps) == 10 and all(step.stopped == "decided" for step in steps)
    assert all(step.windows == 8 < step.limit for step in steps)


def test_on_a_short_text_every_step_of_a_search_is_on_all_of_it(write_manifest: Write, tmp_path: Path) -> None:
    _, observer = run(write_manifest("[{target: blocks, cliff: 1.001}]", windows="12"), tmp_path / "results")
    assert observer.records and not any(record.experiment.sequential for record in observer.records)


def test_searches_that_run_together_share_their_points(write_manifest: Write, tmp_path: Path) -> None:
    study = read_study(write_manifest("[{target: [attention, mlp], cliff: 2}]"))
    worklist = Worklist(study, study.models[0], Store(tmp_path))
    one, other = (search.step(0.1) for search in study.searches)
    assert next(worklist.pruned(lambda point: False)) == one
    assert next(worklist.pruned(lambda point: point == one)) == other
    assert next(worklist.pruned(lambda point: True)) == one  # rather twice than not at all
