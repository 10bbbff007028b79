"""Trainings leave one record each whatever happens, and the same ones whether or not they were interrupted."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from suite.errors import InputError
from suite.manifest import read_study
from suite.models.loading import stored_values
from suite.models.source import ModelSource
from suite.records import Experiment, Record, Store
from suite.records.claims import Claims
from suite.runner import kept, trainings
from suite.runner.lanes import Batches, Job, Processes
from suite.runner.run import Run
from suite.training import ticket
from suite.training.networks import State
from tests.runner.running import Quiet
from tests.training.networks import lesson

MANIFEST = """
title: a search
models:
  - name: net
    architecture:
      {model_type: llama, hidden_size: 16, intermediate_size: 32, num_hidden_layers: 1, num_attention_heads: 2,
       tie_word_embeddings: true}
text: short-stories
context: 40
ticket: {levels: 2, pruned: 0.5, arms: [random, small-dense], compared: [2], rewind: [0, 25], orders: 2,
         early: {read: [50], levels: [1]}, steps: 8, dense_longer: 2, batch: 4, learning_rate: 0.01, recall_weight: 5}
"""
CELLS = 2 + 1 + 2 * 3 + 2 + 1 + 1  # dense, plateau, another order; the tickets; random; small; early


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "search.yaml"
    path.write_text(MANIFEST)
    return path


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks one by one in this process, so that a test can see and break what happens."""

    def lane(source: ModelSource, *told: Any) -> Batches:
        found = Batches(source, told[0], told[1], torch.device("cpu"), told[2])
        found.most, found.attention = 1, "eager"
        return found

    monkeypatch.setattr(trainings, "lane_of", lane)


def run(path: Path, folder: Path, observer: Quiet | None = None) -> tuple[Run, Quiet]:
    observer = observer or Quiet()
    runner = Run(read_study(path), Store(folder), observer)
    runner()
    return runner, observer


def records(folder: Path) -> dict[str, Record]:
    found = {path.stem: Store(folder).read(path.stem) for path in Store(folder).paths}
    return {name: record for name, record in found.items() if record}


def reproducible(folder: Path) -> dict[str, str]:
    return {name: json.dumps(record.reproducible()) for name, record in records(folder).items()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The records of a search that nothing disturbed, done as the command does it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    path = folder / "search.yaml"
    path.write_text(MANIFEST)
    runner, _ = run(path, folder / "results")
    assert (runner.outcome.done, runner.outcome.failed) == (CELLS, 0)
    return folder / "results"


def test_every_training_has_a_record_with_what_it_came_to(undisturbed: Path) -> None:
    found = list(records(undisturbed).values())
    assert len(found) == CELLS
    for record in found:
        asked, trained = record.experiment.training, record.training
        assert asked and trained and record.perplexity is None
        assert trained.course[-1].step == asked.steps
        assert trained.course[-1].held_out == trained.loss
        assert record.environment.device == "cpu" and record.environment.threads == 1
        assert (record.pruning is None) == record.experiment.unpruned
        if record.pruning:
            assert record.pruning.zeros == round(record.experiment.sparsity * record.pruning.weights)
            assert trained.parameters == record.model.parameters - record.pruning.zeros


def test_the_seconds_of_all_trainings_are_no_more_than_passed(manifest: Path, tmp_path: Path) -> None:
    """They run at once, and each has its share: forecasts and the paper add them up."""
    started = time.perf_counter()
    run(manifest, tmp_path / "results")
    passed = time.perf_counter() - started
    seconds = [record.environment.seconds for record in records(tmp_path / "results").values()]
    assert min(seconds) > 0 and sum(seconds) < passed


def test_alone_in_processes_and_as_one_batch_they_come_to_the_same(
    undisturbed: Path, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        trainings, "lane_of", lambda source, *told: Batches(source, told[0], told[1], torch.device("cpu"), told[2])
    )
    run(manifest, tmp_path / "batched")
    alone, batched = records(undisturbed), records(tmp_path / "batched")
    assert alone.keys() == batched.keys()
    assert max(record.training.parallel for record in batched.values() if record.training) > 1
    for name, record in alone.items():
        ours, theirs = record.training, batched[name].training
        assert ours and theirs
        assert ours.loss == pytest.approx(theirs.loss, rel=1e-4)


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("after", [1, 4, 9])
def test_interrupted_anywhere_it_goes_on_and_the_result_is_the_same(
    undisturbed: Path, manifest: Path, tmp_path: Path, after: int
) -> None:
    folder = tmp_path / "results"
    with pytest.raises(KeyboardInterrupt):
        run(manifest, folder, Quiet(stop_after=after))
    assert 0 < len(records(folder)) < CELLS
    runner, _ = run(manifest, folder)
    assert runner.outcome.there == len(records(folder)) - runner.outcome.done > 0
    assert reproducible(folder) == reproducible(undisturbed)


def test_interrupted_while_processes_train_nothing_stays_behind(
    undisturbed: Path, manifest: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    with pytest.raises(KeyboardInterrupt):
        run(manifest, folder, Quiet(stop_after=2))
    assert not Claims(folder).all()
    run(manifest, folder)
    assert reproducible(folder) == reproducible(undisturbed)


@pytest.mark.usefixtures("in_this_process")
def test_networks_that_are_gone_or_damaged_are_made_again_and_no_record_changes(
    undisturbed: Path, manifest: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    run(manifest, folder)
    networks = sorted((folder / "networks").iterdir())
    for path in networks[:3]:
        path.unlink()
    networks[3].write_bytes(networks[3].read_bytes()[:100])
    gone = [one for one in records(folder).values() if one.experiment.training and one.experiment.training.level == 2]
    for record in gone:
        Store(folder).path(record.id).unlink()
    before = {path: path.read_bytes() for path in Store(folder).paths}
    runner, _ = run(manifest, folder)
    assert runner.outcome.done == len(gone)
    assert all(path.read_bytes() == content for path, content in before.items())
    assert reproducible(folder) == reproducible(undisturbed)


@pytest.mark.usefixtures("in_this_process")
def test_what_fails_takes_along_what_stands_on_it_and_nothing_else_and_is_tried_again(
    undisturbed: Path, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, whole = tmp_path / "results", ticket.mask_of

    def broken(subject: ticket.Subject, *early: Any) -> Any:
        if subject.asked.arm == "ticket" and subject.asked.rewind and subject.asked.level == 1:
            raise RuntimeError("a planted fault")
        return whole(subject, *early)

    monkeypatch.setattr(ticket, "mask_of", broken)
    runner, observer = run(manifest, folder)
    failed = [record for record in observer.records if record.status == "failed"]
    assert {(r.experiment.training.arm, r.experiment.training.level) for r in failed if r.experiment.training} == {
        ("ticket", 1),
        ("ticket", 2),
        ("random", 2),
    }
    assert all(r.experiment.training and r.experiment.training.rewind for r in failed)
    assert all("a planted fault" in str(record.error) for record in failed)
    assert runner.outcome.done == CELLS - len(failed)
    monkeypatch.undo()
    run(manifest, folder)
    assert reproducible(folder) == reproducible(undisturbed)


@pytest.mark.usefixtures("in_this_process")
def test_what_another_process_did_meanwhile_is_not_done_again(
    undisturbed: Path, manifest: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    runner = Run(read_study(manifest), Store(folder), Quiet())
    assert runner.agendas[0].left == CELLS
    run(manifest, folder)
    began: list[Experiment] = []
    runner.observer.started = began.append  # type: ignore[method-assign]
    outcome = runner()
    assert (outcome.done, outcome.there) == (0, CELLS)
    assert began == []


@pytest.mark.usefixtures("in_this_process")
def test_a_pretrained_model_is_its_own_start_and_a_fresh_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "search.yaml"
    path.write_text(
        "title: a\nmodels: story-mistral-small\ntext: stories\ncontext: 40\n"
        "ticket: {levels: 1, arms: random-reinit, compared: 1, steps: 8, dense_longer: 1, batch: 2, "
        "learning_rate: 1.0e-5}\n"
    )
    begun: dict[str, State] = {}
    values = ticket._values

    def watched(subject: ticket.Subject) -> State:
        return begun.setdefault(subject.asked.arm, values(subject))

    monkeypatch.setattr(ticket, "_values", watched)
    runner, _ = run(path, tmp_path / "results")
    assert runner.outcome.failed == 0
    stored = stored_values(runner.study.models[0])
    for arm in ("dense", "dense-longer", "ticket"):
        assert begun[arm].keys() == stored.keys()
        assert all(torch.equal(begun[arm][name], stored[name].float()) for name in stored)
    assert not torch.equal(
        begun["random-reinit"]["model.embed_tokens.weight"], stored["model.embed_tokens.weight"].float()
    )
    losses = {
        record.experiment.training.arm: record.training.loss
        for record in records(tmp_path / "results").values()
        if record.experiment.training and record.training
    }
    assert losses["dense"] < losses["ticket"] + 0.5 < losses["random-reinit"]


def test_a_process_that_ends_suddenly_is_told_and_others_take_its_place(tmp_path: Path, manifest: Path) -> None:
    study = read_study(manifest)
    lane = Processes(lesson(), lesson(), lambda *_: None, processes=1)  # type: ignore[arg-type]
    try:
        job = Job(study.experiments[0], study.models[0], {"model_type": "dies"}, {"dense": tmp_path / "none"})
        lane.begin([job])
        next(iter(lane.pool._processes.values())).kill()  # type: ignore[union-attr]
        found = []
        while not found:
            found = lane.ended()
        assert "ended suddenly" in str(found[0].error)
        assert lane.running == {}
        lane.begin([job])
        while not (found := lane.ended()):
            pass
        assert "ended suddenly" not in str(found[0].error)
    finally:
        lane.close()


@pytest.mark.usefixtures("in_this_process")
def test_in_a_batch_only_the_network_that_fails_by_itself_fails(
    undisturbed: Path, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ticket.mask_of

    def broken(subject: ticket.Subject, *early: Any) -> Any:
        if subject.asked.arm == "ticket" and subject.asked.order:
            raise RuntimeError("a planted fault")
        return whole(subject, *early)

    monkeypatch.setattr(ticket, "mask_of", broken)
    monkeypatch.setattr(
        trainings, "lane_of", lambda source, *told: Batches(source, told[0], told[1], torch.device("cpu"), told[2])
    )
    _, observer = run(manifest, tmp_path / "results")
    failed = {r.experiment.training.order for r in observer.records if r.status == "failed" and r.experiment.training}
    assert failed == {1}
    good = {name: made for name, made in reproducible(tmp_path / "results").items() if not name.endswith("failed")}
    assert good.items() < reproducible(undisturbed).items()


def test_a_network_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    ended = ticket.Ended({"a": torch.randn(3, 4)}, {"a": torch.tensor([[True, False, True, True]] * 3)})
    path = kept.path_of(tmp_path, "one")
    kept.save(path, ended)
    again = kept.load(path)
    assert torch.equal(again.values["a"], ended.values["a"]) and torch.equal(again.mask["a"], ended.mask["a"])
    assert kept.whole(path) and [path] == list(path.parent.iterdir())
    path.write_bytes(path.read_bytes()[:-1])
    assert not kept.whole(path)


def test_a_text_whose_words_to_recall_are_not_known_is_told_before_anything_is_trained(
    manifest: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.txt").write_text("\n".join(["a word"] * 500))
    manifest.write_text(MANIFEST.replace("ticket: {", "ticket: {name: mine, path: text.txt, "))
    with pytest.raises(InputError, match="its words to recall are not known"):
        run(manifest, tmp_path / "results")
