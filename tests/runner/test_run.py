"""A run leaves one record an experiment, does nothing twice, and loses nothing to a failure or an interruption."""

from __future__ import annotations

import json
import shutil
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from suite.errors import InputError
from suite.models.source import from_folder
from suite.records import Experiment, Store
from suite.records.experiment import digest
from suite.runner import session as session_module
from suite.runner.section import Section
from suite.runner.session import Session
from tests.runner.running import GRID, Quiet, Write, run


def test_every_experiment_gets_its_record_and_a_second_run_does_nothing(write_manifest: Write, tmp_path: Path) -> None:
    path, folder = write_manifest(GRID), tmp_path / "results"
    outcome, observer = run(path, folder)
    assert (outcome.there, outcome.done, outcome.failed) == (0, 4, 0)
    assert len(Store(folder).paths) == 4
    assert observer.loaded == ["tiny"]
    before = {file: file.read_bytes() for file in folder.iterdir()}
    outcome, observer = run(path, folder)
    assert (outcome.there, outcome.done) == (4, 0)
    assert observer.loaded == []
    assert {file: file.read_bytes() for file in folder.iterdir()} == before


def test_the_numbers_hang_together(write_manifest: Write, tmp_path: Path) -> None:
    _, observer = run(write_manifest(GRID), tmp_path / "results")
    dense, *cells = observer.records
    assert dense.perplexity and dense.perplexity.ratio_to_dense == 1.0 and dense.pruning is None
    for record in cells:
        assert record.perplexity and record.pruning
        assert record.perplexity.ratio_to_dense == record.perplexity.value / dense.perplexity.value
        assert record.perplexity.value != dense.perplexity.value
    assert cells[-1].coherence and dense.coherence
    assert cells[-1].coherence.dense_judge_perplexity == dense.coherence.judge_perplexity


def test_some_windows_have_the_losses_that_they_have_in_the_whole_text(write_manifest: Write, tmp_path: Path) -> None:
    _, whole = run(write_manifest(GRID), tmp_path / "whole")
    _, some = run(write_manifest(GRID, windows="3"), tmp_path / "some")
    for record, other in zip(some.records, whole.records, strict=True):
        assert record.perplexity and other.perplexity and record.id != other.id
        there = other.perplexity.windows
        places = [(2 * one + 1) * there // 6 for one in range(3)]
        expected = [other.perplexity.nll_per_window[place] for place in places]
        assert record.perplexity.nll_per_window == pytest.approx(expected, abs=1e-6)
        assert record.perplexity.windows == 3 and record.perplexity.interval is None
        assert record.perplexity.protocol.text_windows == there and other.perplexity.protocol.text_windows is None


def test_more_windows_than_there_are_end_a_run_before_its_first_model(write_manifest: Write, tmp_path: Path) -> None:
    quiet = Quiet()
    with pytest.raises(InputError, match=r"model 'tiny': `windows: 5000` is more than the \d+ windows"):
        run(write_manifest(GRID, windows="5000"), tmp_path / "results", quiet)
    assert not quiet.loaded and not quiet.records


def test_a_failed_experiment_is_a_record_and_the_rest_goes_on(
    write_manifest: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, folder = write_manifest(GRID), tmp_path / "results"
    real = Session.altered

    def fails_on_mlp(self: Session, experiment: Experiment) -> object:
        if experiment.target == "mlp":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self, experiment)

    monkeypatch.setattr(Session, "altered", fails_on_mlp)
    outcome, observer = run(path, folder)
    assert (outcome.done, outcome.failed) == (3, 1)
    (failed,) = [record for record in observer.records if record.status == "failed"]
    assert failed.error and failed.error.startswith("out of memory:")
    assert failed.perplexity is None
    monkeypatch.undo()
    outcome, observer = run(path, folder)
    assert (outcome.there, outcome.done, outcome.failed) == (3, 1, 0)
    assert observer.records[0].experiment.dense is False


def test_without_a_baseline_there_is_no_comparison(
    write_manifest: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: Session, experiment: Experiment) -> object:
        raise RuntimeError("broken")

    monkeypatch.setattr(Session, "dense", fails)
    outcome, observer = run(write_manifest(GRID), tmp_path / "results")
    assert (outcome.done, outcome.failed) == (0, 4)
    assert observer.records[0].error == "RuntimeError: broken"
    assert "baseline" in (observer.records[1].error or "")


def test_a_dense_model_that_is_not_finite_in_float16_runs_in_float32(
    write_manifest: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_model: Callable[..., Path]
) -> None:
    from safetensors.torch import load_file, save_file

    folder = make_model("mistral", seed=7)
    tensors = load_file(folder / "model.safetensors")
    for name in tensors:  # gate times up overflows float16, and down brings it back in float32
        factor = {"gate_proj": 300, "up_proj": 300, "down_proj": 1e-3}.get(name.split(".")[-2], 1)
        tensors[name] *= factor
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    monkeypatch.setattr(session_module, "pick_dtype", lambda *_: ("float16", "no native bfloat16"))
    models = f"[{{name: tiny, path: {folder}}}]"
    path = write_manifest("[{target: [mlp, late], sparsity: 0.5}]", models=models)
    outcome, observer = run(path, tmp_path / "results")
    assert (outcome.done, outcome.failed) == (3, 0), observer.records[0].error
    for record in observer.records:
        assert record.environment.dtype == "float32"
        assert record.environment.dtype_reason == "the dense model is not finite in float16"
        assert record.perplexity and record.perplexity.protocol.dtype == "float32"
    monkeypatch.setattr(session_module, "pick_dtype", lambda *_: ("float32", "asked for"))
    _, from_the_start = run(path, tmp_path / "from-the-start")
    assert [one.perplexity for one in observer.records] == [one.perplexity for one in from_the_start.records]


def test_a_text_that_is_too_short_stops_the_run_before_a_model_is_loaded(write_manifest: Write, tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("Anna was a brave baker.")
    observer = Quiet()
    with pytest.raises(InputError, match="shorter than one window of 64"):
        run(write_manifest(GRID, text="{name: short, path: short.txt}"), tmp_path / "results", observer)
    assert observer.loaded == []


def test_a_researchers_own_model_and_text_need_no_code(tmp_path: Path, mistral: Path) -> None:
    shutil.copytree(mistral, tmp_path / "mine")
    (tmp_path / "notes.json").write_text('["Anna was a brave baker.", "Leo was a proud smith."]')
    path = tmp_path / "mine.yaml"
    path.write_text(
        "title: mine\nmodels: [{name: mine, path: mine, dtype: float32}]\n"
        "text: {name: notes, path: notes.json, join: ' '}\ncontext: 4\n"
        "experiments: [{part: [q, down], layers: 0-1, sparsity: [0.5]}]\n"
    )
    outcome, observer = run(path, tmp_path / "results")
    assert outcome.done == 2
    record = observer.records[1]
    assert record.pruning and record.pruning.layers == 4
    assert record.perplexity and record.perplexity.windows == 3
    assert record.experiment.revision == from_folder("mine", tmp_path / "mine").revision


def test_the_same_numbers_with_any_batch_size_and_threads(
    write_manifest: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_manifest("[{target: blocks, sparsity: 0.5}]")
    seen = set()
    threads = torch.get_num_threads()
    try:
        for count, tokens in ((1, 64), (2, 512)):
            torch.set_num_threads(count)
            monkeypatch.setattr(session_module, "TOKENS_A_BATCH", tokens)
            _, observer = run(path, tmp_path / f"results{count}")
            record = observer.records[1]
            assert record.perplexity and record.pruning
            seen.add((f"{record.perplexity.value:.6g}", record.pruning.mask_digest))
    finally:
        torch.set_num_threads(threads)
    assert len(seen) == 1


def test_cells_measured_together_give_what_each_gives_alone(write_manifest: Write, tmp_path: Path) -> None:
    """A block that no experiment has changed runs once for all of them; the numbers do not tell."""
    cells = ["part: [q], layers: '1'", "part: [down], layers: '2'", "target: late", "target: lm_head", "target: mlp"]
    _, together = run(write_manifest(f"[{{{'}, {'.join(cells)}}}]", sparsity="0.5"), tmp_path / "together")
    alone = []
    for index, cell in enumerate(cells):
        _, found = run(write_manifest(f"[{{{cell}}}]", sparsity="0.5"), tmp_path / f"alone-{index}")
        alone.append(found.records[1].reproducible())
    assert [record.reproducible() for record in together.records[1:]] == alone


def test_the_dense_pass_keeps_what_the_first_experiment_needs(write_manifest: Write, tmp_path: Path) -> None:
    ran: list[int] = []

    class Counting(Quiet):
        def started(self, experiment: Experiment) -> None:
            ran.append(0)

    def count(module: torch.nn.Module, *_: object) -> None:
        ran[-1] += module.__class__.__name__.endswith("DecoderLayer")

    with torch.nn.modules.module.register_module_forward_hook(count):
        cells = "[{target: mlp}, {part: [q], layers: '2'}, {part: [down], layers: '2'}, {target: lm_head}]"
        run(write_manifest(cells, sparsity="0.5"), tmp_path / "results", Counting())
    dense, mlp, *rest = ran
    assert dense == mlp > 0 and [3 * blocks / dense for blocks in rest] == [1, 1, 1]


def test_agreement_and_divergence_are_measured_against_the_pristine_model(
    write_manifest: Write, tmp_path: Path
) -> None:
    path = write_manifest("[{target: [blocks, lm_head, embeddings], sparsity: [0.01, 0.9]}]")
    _, observer = run(path, tmp_path / "results")
    dense, *cells = (record.perplexity for record in observer.records)
    assert dense and (dense.agreement, dense.kl) == (1.0, 0.0)
    for slight, heavy in zip(cells[::2], cells[1::2], strict=True):
        assert slight and heavy and slight.kl is not None and heavy.kl is not None
        assert 0 < slight.kl < heavy.kl
        assert 0 < (heavy.agreement or 0) < (slight.agreement or 0) <= 1


def test_a_baseline_is_remembered_only_when_it_comes_out_the_same(
    write_manifest: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "results"
    run(write_manifest("[{target: blocks, sparsity: 0.5}]"), folder)
    _, observer = run(write_manifest("[{target: blocks, sparsity: [0.5, 0.6]}]"), folder)
    assert [record.experiment.sparsity for record in observer.records] == [0.6]
    monkeypatch.setattr(session_module, "pick_dtype", lambda *_: ("bfloat16", "another machine"))
    _, observer = run(write_manifest("[{target: blocks, sparsity: [0.5, 0.6, 0.7]}]"), folder)
    assert [record.experiment.sparsity for record in observer.records] == [0.0, 0.7]


def test_a_baseline_that_was_summed_in_float32_is_measured_anew(write_manifest: Write, tmp_path: Path) -> None:
    """Its record stays, as one that is done; what is new is held against the dense model as it is measured now."""
    folder = tmp_path / "results"
    _, observer = run(write_manifest("[{target: blocks, sparsity: 0.5}]"), folder)
    dense = observer.records[0]
    assert dense.perplexity and dense.perplexity.protocol.softmax == "float64"
    before = json.loads(dense.to_json())
    del before["perplexity"]["protocol"]["softmax"], before["seal"]
    before["seal"] = digest(before)
    (folder / f"{dense.id}.json").write_text(json.dumps(before))
    _, observer = run(write_manifest("[{target: blocks, sparsity: [0.5, 0.6]}]"), folder)
    assert [record.experiment.sparsity for record in observer.records] == [0.0, 0.6]
    kept = Store(folder).read(dense.id)
    assert kept and kept.perplexity and kept.perplexity.protocol.softmax == "float32"


def test_a_dense_model_off_its_published_perplexity_stops_that_model_and_not_the_study(
    write_manifest: Write, tmp_path: Path, mistral: Path
) -> None:
    models = f"[{{name: wrong, path: {mistral}, published: 5.25}}, {{name: tiny, path: {mistral}}}]"
    outcome, observer = run(write_manifest("[{target: blocks, sparsity: 0.5}]", models=models), tmp_path / "results")
    assert (outcome.done, outcome.failed) == (2, 2)
    gate, follower, *others = observer.records
    assert gate.error and "above the published 5.25" in gate.error and "windows" in gate.error
    assert gate.perplexity, "the number that failed is kept as evidence"
    assert follower.error and "baseline" in follower.error
    value = others[0].perplexity.value if others[0].perplexity else 0
    close = f"[{{name: near, path: {mistral}, published: {value * 1.009}}}]"
    outcome, _ = run(write_manifest("[{target: blocks, sparsity: 0.5}]", models=close), tmp_path / "near")
    assert (outcome.done, outcome.failed) == (2, 0)


def test_a_compressed_file_is_written_read_back_and_gone(write_manifest: Write, tmp_path: Path) -> None:
    _, observer = run(
        write_manifest("[{target: [blocks, lm_head], sparsity: [0.1, 0.9], measure: size}]"), tmp_path / "results"
    )
    dense, *cells = observer.records
    assert dense.size and dense.size.compressed_bytes >= dense.size.dense_bytes
    for record in cells:
        assert record.size and record.pruning and record.size.dense_bytes == dense.size.dense_bytes
        saved = 2 * record.pruning.zeros - record.pruning.weights / 8  # float16 values, a bit a weight
        names = 250 * record.pruning.layers  # two entries in the file's header where there was one
        assert dense.size.compressed_bytes - record.size.compressed_bytes == pytest.approx(saved, abs=names)
    assert {file.suffix for file in (tmp_path / "results").iterdir()} == {".json"}


def test_a_private_copy_of_a_tied_head_is_stored_and_no_part_of_the_dense_model(
    write_manifest: Write, tmp_path: Path
) -> None:
    experiments = "[{target: [blocks, lm_head], sparsity: 0.1, measure: size}]"
    _, observer = run(write_manifest(experiments, models="story-qwen-tied"), tmp_path / "results")
    dense, blocks, head = (record.size for record in observer.records)
    assert dense and blocks and head
    assert dense.dense_bytes == blocks.dense_bytes == head.dense_bytes
    assert head.compressed_bytes > dense.compressed_bytes > blocks.compressed_bytes


def test_the_dense_model_is_timed_beside_every_pruned_one(write_manifest: Write, tmp_path: Path) -> None:
    _, observer = run(write_manifest("[{target: blocks, sparsity: 0.5, measure: generation}]"), tmp_path / "results")
    dense, pruned = (record.generation for record in observer.records)
    assert dense and dense.dense_decode_tokens_per_s is None
    assert pruned and pruned.dense_decode_tokens_per_s
    for speed in (dense.decode_tokens_per_s, pruned.decode_tokens_per_s, pruned.dense_decode_tokens_per_s):
        assert (speed.blocks, speed.repeats) == (2, 10)


def test_a_damaged_record_is_set_aside_and_measured_again(write_manifest: Write, tmp_path: Path) -> None:
    path, folder = write_manifest(GRID), tmp_path / "results"
    run(path, folder)
    victim = Store(folder).paths[0]
    whole = victim.read_bytes()
    victim.write_bytes(whole[:-100])
    outcome, observer = run(path, folder)
    assert (outcome.there, outcome.done) == (3, 1)
    assert [damage.path for damage in observer.aside] == [victim]
    assert victim.with_name(f"{victim.name}.damaged").read_bytes() == whole[:-100]


def test_running_out_of_memory_gives_it_back_and_the_study_goes_on(
    write_manifest: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[weakref.ref[torch.Tensor]] = []
    real = Session.altered

    def greedy(self: Session, experiment: Experiment) -> Iterator[Section]:
        if held:
            assert held[0]() is None, "what the failed experiment held is still in memory"
            yield from real(self, experiment)
            return
        hoard = torch.zeros(1000)
        held.append(weakref.ref(hoard))
        cycle: list[object] = [hoard]
        cycle.append(cycle)  # frames and hooks make cycles, which only a collection frees
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(Session, "altered", greedy)
    outcome, observer = run(write_manifest(GRID), tmp_path / "results")
    assert (outcome.done, outcome.failed) == (3, 1)
    assert observer.records[1].error == "out of memory: take a GPU with more, a shorter context, or a smaller model"


def test_no_token_gets_into_a_record(write_manifest: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def tell(self: Session, experiment: Experiment) -> Iterator[Section]:
        raise RuntimeError("the hub said no to hf_secretsecretsecret\x1b[2J")
        yield

    monkeypatch.setenv("HF_TOKEN", "hf_secretsecretsecret")
    monkeypatch.setattr(Session, "altered", tell)
    _, observer = run(write_manifest(GRID), tmp_path / "results")
    assert observer.records[1].error == "RuntimeError: the hub said no to ***\\x1b[2J"
    assert not any(b"secretsecret" in file.read_bytes() for file in (tmp_path / "results").iterdir())


def test_a_record_holds_as_many_prompts_and_tokens_as_were_asked_for(write_manifest: Write, tmp_path: Path) -> None:
    grid = "[{target: mlp, sparsity: 0.5}]"
    path = write_manifest(grid, measure="[generation, memory]", generation="{prompts: 3, tokens: 7}")
    _, observer = run(path, tmp_path / "results")
    for record in observer.records:
        assert record.status == "done" and record.generation
        assert (record.generation.prompts, record.generation.new_tokens) == (3, 7)
        assert (record.generation.also_alone, record.generation.differing) == (1, 0)
        assert len(record.generation.samples) == 3
    path = write_manifest(grid, measure="generation", precision="bfloat16")
    _, observer = run(path, tmp_path / "more")
    assert [one.generation.also_alone for one in observer.records if one.generation] == [1, 4, 4]
