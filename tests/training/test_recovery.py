"""A pruned model learns again, its mask held through every step, and is as it was before once that is over."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import processors

from suite.data.source import text_from_catalogue
from suite.data.tokenizer import story_tokenizer
from suite.data.windows import calibration_windows, make_windows, token_ids
from suite.errors import ExperimentError
from suite.evaluation.perplexity import token_losses
from suite.manifest import read_study
from suite.models.loading import LoadedModel, load_model, load_tokenizer
from suite.models.pruned import pruned
from suite.models.source import from_catalogue, from_folder
from suite.pruning.masks import Bits
from suite.records.experiment import Calibration, Experiment, Recovery, TextReference
from suite.records.schema import Recovered
from suite.runner.texts import read
from suite.runner.transforms import TextIds
from suite.training import recovery
from suite.training.recovery import recovered
from suite.training.schedule import BYTES_A_WEIGHT, Schedule, training_bytes
from tests.conftest import HEAD, TABLE, MakeModel

TEXT = TextReference(name="t", revision="r", join="")
IDS = [token % 183 for token in range(7, 3000)]


def asked(**fields: Any) -> Recovery:
    usual = {"text": TEXT, "tokens": 1000, "context": 32, "batch": 4, "learning_rate": 1e-2, "seed": 0}
    return Recovery(**{**usual, **fields})


def experiment(**fields: Any) -> Experiment:
    usual = {"model": "m", "revision": "r", "criterion": "magnitude", "target": "blocks", "sparsity": 0.5}
    return Experiment(**{**usual, "text": TEXT, "context": 32, **fields})


def load(make_model: MakeModel, architecture: str = "mistral", dtype: str = "float32") -> LoadedModel:
    return load_model(from_folder("m", make_model(architecture)), dtype, "a test")


def recover(
    loaded: LoadedModel,
    masks: dict[str, Bits],
    inside: Callable[[], None] = lambda: None,
    perplexity: Callable[[], float] = lambda: 2.0,
    **fields: Any,
) -> Recovered:
    with recovered(loaded, masks, asked(**fields), IDS, perplexity, lambda done, total: None) as section:
        inside()
        return section


def values(loaded: LoadedModel) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in loaded.model.named_parameters()}


@pytest.mark.parametrize("architecture", ["mistral", "qwen2-tied", "phi"])
def test_everything_learns_but_what_was_removed_and_is_restored_to_the_bit(
    make_model: MakeModel, architecture: str
) -> None:
    loaded = load(make_model, architecture)
    with pruned(loaded, experiment(target="blocks")) as done:
        before = values(loaded)

        def inside() -> None:
            now = values(loaded)
            assert not any(torch.equal(now[name], before[name]) for name in before)
            for name, count in done.achieved.per_tensor.items():
                assert int((now[name] == 0).sum()) == count.zeros
            assert not any(parameter.requires_grad for parameter in loaded.model.parameters())

        section = recover(loaded, done.masks, inside)
        assert section.mask_digest == done.achieved.mask_digest
        assert all(torch.equal(value, before[name]) for name, value in values(loaded).items())
    assert loaded.strays() == []


def test_a_mask_that_is_not_held_is_a_bug_and_no_result(make_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it AdamW's moments move the removed weights."""
    loaded = load(make_model)
    monkeypatch.setattr(recovery._FineTuning, "_hold", lambda self: None)
    with pytest.raises(RuntimeError, match="a bug: a removed weight of"), pruned(loaded, experiment()) as done:
        recover(loaded, done.masks)
    assert loaded.strays() == []


@pytest.mark.parametrize("tied", ["untie", "both"])
def test_a_tied_table_stays_what_it_was_made(make_model: MakeModel, tied: str) -> None:
    loaded = load(make_model, "llama-tied")
    with pruned(loaded, experiment(target="lm_head", tied=tied)) as done:
        name = HEAD if tied == "untie" else TABLE

        def inside() -> None:
            assert loaded.tied == (tied == "both")
            assert int((loaded.head.weight == 0).sum()) == done.achieved.per_tensor[name].zeros

        assert recover(loaded, done.masks, inside).mask_digest == done.achieved.mask_digest
    assert loaded.tied
    assert loaded.strays() == []


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_in_16_bits_it_learns_in_float32_and_is_measured_in_16(make_model: MakeModel, dtype: str) -> None:
    loaded, seen = load(make_model, dtype=dtype), []

    def perplexity() -> float:
        seen.append(str(loaded.parameter(TABLE).dtype))
        return 2.0

    with pruned(loaded, experiment()) as done:
        section = recover(loaded, done.masks, perplexity=perplexity)
    assert section.mask_digest == done.achieved.mask_digest
    assert seen == [f"torch.{dtype}", *["torch.float32"] * 3, f"torch.{dtype}"]
    assert loaded.strays() == []


def test_a_seed_decides_what_is_learnt_to_the_bit_and_all_arms_see_the_same(
    make_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(make_model)
    shown: list[torch.Tensor] = []
    batch = recovery._FineTuning.batch

    def watched(self: Any, step: int) -> torch.Tensor:
        shown.append(batch(self, step))
        return shown[-1]

    monkeypatch.setattr(recovery._FineTuning, "batch", watched)

    def learnt(criterion: str | None, **fields: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        shown.clear()
        found: dict[str, torch.Tensor] = {}
        if criterion is None:
            recover(loaded, {}, lambda: found.update(values(loaded)), **fields)
        else:
            draw = 0 if criterion == "random" else None
            with pruned(loaded, experiment(criterion=criterion, seed=draw)) as done:
                recover(loaded, done.masks, lambda: found.update(values(loaded)), **fields)
        return torch.stack(shown), found

    first, one = learnt("magnitude")
    again, same = learnt("magnitude")
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert torch.equal(first, again)
    assert torch.equal(first, learnt("random")[0])
    assert torch.equal(first, learnt(None)[0])
    assert not torch.equal(first, learnt(None, seed=1)[0])
    assert len({tuple(window) for window in first.flatten(0, 1).tolist()}) > 0.8 * len(first.flatten(0, 1))


def test_a_batch_may_go_through_in_pieces(make_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded, found = load(make_model), {}
    for pass_ in (2048, 32):
        monkeypatch.setattr(recovery, "TOKENS_A_BATCH", pass_)
        recover(loaded, {}, lambda pass_=pass_: found.update({pass_: values(loaded)}), learning_rate=1e-3)
    assert all(torch.allclose(found[32][name], value, atol=1e-4) for name, value in found[2048].items())


def test_a_loss_that_is_no_number_is_a_failed_experiment(make_model: MakeModel) -> None:
    loaded = load(make_model)
    with (
        pruned(loaded, experiment()) as done,
        pytest.raises(ExperimentError, match="no number any more in step 2 of 8"),
    ):
        recover(loaded, done.masks, learning_rate=1e30)
    assert loaded.strays() == []


def test_an_interruption_leaves_nothing_behind(make_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load(make_model)

    def asked_to_stop() -> None:
        if not torch.equal(loaded.parameter(TABLE), loaded.stored(TABLE).float()):
            raise KeyboardInterrupt

    monkeypatch.setattr(recovery, "stop_if_asked", asked_to_stop)
    with pytest.raises(KeyboardInterrupt), pruned(loaded, experiment()) as done:
        recover(loaded, done.masks)
    assert loaded.strays() == []
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())


def test_the_course_says_where_it_was_taken(make_model: MakeModel) -> None:
    told: list[tuple[int, int]] = []
    with recovered(
        load(make_model), {}, asked(), IDS, iter([9.0, 8.0, 7.0, 6.0, 5.0]).__next__, lambda *seen: told.append(seen)
    ) as section:
        pass
    assert (section.steps, section.tokens) == (8, 8 * 4 * 32)  # the last batch is whole: 1000 tokens were asked for
    assert [(place.tokens, place.perplexity) for place in section.course] == [
        (0, 9.0), (128, 8.0), (256, 7.0), (512, 6.0), (1024, 5.0),
    ]  # fmt: skip
    assert [place.loss is None for place in section.course] == [True, False, False, False, False]
    assert told == [(128 * step, 1024) for step in range(1, 9)]


def test_the_rate_rises_over_a_twentieth_and_falls_to_a_tenth() -> None:
    schedule = Schedule(asked(tokens=40 * 128, learning_rate=1.0))
    rates = [schedule.rate(step) for step in range(schedule.steps)]
    assert rates[:2] == [0.5, 1.0]
    assert rates[20] == pytest.approx(0.1 + 0.9 * (1 + math.cos(math.pi / 2)) / 2)
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert rates[-1] == pytest.approx(0.1)
    assert Schedule(asked(tokens=1)).rate(0) == 1e-2


def test_windows_begin_anywhere_in_the_text_and_end_in_it() -> None:
    schedule = Schedule(asked(batch=64))
    places = [place for step in range(40) for place in schedule.places(step, 40)]
    assert set(places) == set(range(9))


def test_memory_is_reckoned_with_every_weight_and_the_longest_way_back() -> None:
    anatomy = from_catalogue("story-mistral").anatomy
    small, large = training_bytes(anatomy, asked(batch=1)), training_bytes(anatomy, asked(context=2048, batch=64))
    assert anatomy.weights * BYTES_A_WEIGHT < small < large
    assert training_bytes(anatomy, asked(context=2048, batch=1)) == large  # a pass at a time


def test_a_pruned_model_comes_back() -> None:
    """70 % of the small Mistral's block weights are gone; 30,000 tokens bring most of it back, and go no nearer to the
    evaluation text than the corpus it was trained on."""
    loaded = load_model(from_catalogue("story-mistral-small"), "float32", "a test")
    text, training = text_from_catalogue("stories"), text_from_catalogue("stories-training")
    windows = make_windows(text, loaded.tokenizer, 256).tokens[:16]

    def perplexity() -> float:
        return math.exp(token_losses(loaded.model, windows, 8).mean(dtype=np.float64))

    dense, ids = perplexity(), token_ids(training, loaded.tokenizer, 257)
    how = asked(text=training.reference, tokens=30_000, context=256, batch=8, learning_rate=1e-3)
    with pruned(loaded, experiment(sparsity=0.7, context=256)) as done:
        broken = perplexity()
        with recovered(loaded, done.masks, how, ids, perplexity, lambda *_: None) as section:
            back = perplexity()
    assert section.mask_digest == done.achieved.mask_digest
    assert section.course[0].perplexity == broken
    assert section.course[-1].perplexity == back
    losses = [place.loss for place in section.course[1:] if place.loss is not None]
    assert losses == sorted(losses, reverse=True)
    assert back - dense < 0.2 * (broken - dense)
    assert perplexity() == dense


def test_windows_that_begin_with_a_bos_do_so_in_calibration_and_recovery_too(make_model: MakeModel) -> None:
    loaded, seen = load(make_model), []
    loaded.table.register_forward_pre_hook(lambda _, args: seen.append(args[0].clone()))
    with recovered(loaded, {}, asked(tokens=256), IDS, lambda: 2.0, lambda done, total: None, bos=7):
        pass
    inputs = torch.cat(seen)
    assert inputs.shape[1] == 31 and (inputs[:, 0] == 7).all()  # the last token of 32 is only predicted
    text_ids = TextIds({TEXT: list(IDS)}, bos=7)
    shown = text_ids.calibration(Calibration(text=TEXT, samples=3, context=32, seed=0))
    assert shown.shape == (3, 32) and (shown[:, 0] == 7).all()
    assert shown[:, 1:].tolist() == calibration_windows(list(IDS), 3, 31, 0).tolist()


def test_texts_to_learn_from_have_no_bos_of_their_own_where_every_window_is_given_one(
    tmp_path: Path, make_model: MakeModel
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(make_model(), folder)
    tokenizer = story_tokenizer()
    tokenizer.bos_token = "Anna"
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="Anna $A", special_tokens=[("Anna", tokenizer.bos_token_id)]
    )
    tokenizer.save_pretrained(folder)
    (tmp_path / "study.yaml").write_text(
        f"title: a\nmodels: {{name: m, path: {folder}}}\ntext: short-stories\ncontext: 32\nbos: each\n"
        "experiments: [{target: blocks, sparsity: 0.5, criterion: wanda, calibration: {samples: 2}}]\n"
    )
    study = read_study(tmp_path / "study.yaml")
    cell = study.experiments[-1]
    assert cell.calibration is not None
    windows, text_ids = read(study, study.models[0], cell, [cell.calibration.text])
    assert windows.tokens[:, 0].tolist() == [tokenizer.bos_token_id] * len(windows.tokens)
    assert windows.tokens[0, 1] != tokenizer.bos_token_id != text_ids.ids[cell.calibration.text][0]
    assert load_tokenizer(study.models[0])("Ben")["input_ids"][0] == tokenizer.bos_token_id
