"""A cache of fixed size: decoding writes what the plain loop writes, and a model that cannot be decoded so says why.

Without a GPU nothing is captured, and the passes that would be run as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from suite.errors import ExperimentError
from suite.evaluation import generation
from suite.evaluation.decoding import Decoder
from suite.evaluation.generation import Timing, greedy, section
from suite.models.float8 import rounded
from suite.models.loading import LoadedModel, load_model
from suite.models.source import from_folder
from suite.protocol import NEW_TOKENS
from suite.records.schema import Captured, Generation
from tests.conftest import ARCHITECTURES

PROMPTS = torch.randint(0, 100, (3, 7), generator=torch.Generator().manual_seed(0))


@pytest.fixture
def loaded(mistral: Path) -> LoadedModel:
    return load_model(from_folder("m", mistral), "float32", "a test")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.inference_mode()
def test_it_writes_what_the_plain_loop_writes(make_model: Callable[..., Path], architecture: str) -> None:
    loaded = load_model(from_folder("m", make_model(architecture)), "float32", "a test")
    decoder = Decoder(loaded.model, PROMPTS, 30)
    dense, _, _ = greedy(loaded.model, PROMPTS, 30)
    tokens, prefill, decode = decoder.run()
    assert torch.equal(tokens, dense)
    assert prefill > 0 < decode
    loaded.head.weight[dense[:, 0]] = 0
    pruned, _, _ = greedy(loaded.model, PROMPTS, 30)
    assert not torch.equal(pruned, dense)
    assert torch.equal(decoder.run()[0], pruned)  # of the weights where they are: they are the model's own


def test_it_writes_what_a_rounded_model_writes(loaded: LoadedModel) -> None:
    dense, _, _ = greedy(loaded.model, PROMPTS)
    with rounded(loaded, "float8-weights"):
        tokens, _, _ = Decoder(loaded.model, PROMPTS, NEW_TOKENS).run()
        assert torch.equal(tokens, greedy(loaded.model, PROMPTS)[0])
    assert not torch.equal(tokens, dense)


def test_a_text_longer_than_the_window_of_attention_is_refused(loaded: LoadedModel) -> None:
    loaded.model.config.sliding_window = 30
    Decoder(loaded.model, PROMPTS, 23)
    with pytest.raises(ExperimentError, match="31 tokens are more than the model's window of attention, 30"):
        Decoder(loaded.model, PROMPTS, 24)


def test_a_processor_has_no_captured_speeds(loaded: LoadedModel) -> None:
    timing = Timing(loaded.model, [1, 2, 3])
    timing.block()
    assert section(timing, None, []).captured is None


def test_captured_speeds_stand_beside_the_plain_ones(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "captures", lambda model: True)
    timing, beside = (Timing(loaded.model, [1, 2, 3]) for _ in range(2))
    for one in (beside, timing, timing, beside):
        one.block()
    found = section(timing, beside, [])
    assert found.captured and found.captured.prefill_tokens_per_s
    assert found.captured.dense_decode_tokens_per_s != found.dense_decode_tokens_per_s
    for speed in (found.captured.decode_tokens_per_s, found.captured.dense_decode_tokens_per_s):
        assert speed and (speed.blocks, speed.repeats) == (2, 10)


def test_what_cannot_be_captured_says_why_and_is_timed_plainly(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "captures", lambda model: True)

    def not_permitted(decoder: Decoder, work: Callable[[], None]) -> Callable[[], object]:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(Decoder, "_captured", not_permitted)
    timing = Timing(loaded.model, [1, 2, 3])
    timing.block()
    timing.block()
    found = section(timing, None, [])
    assert found.captured == Captured(why_not="operation not permitted when stream is capturing")
    assert found.decode_tokens_per_s.repeats == 10


def test_records_from_before_are_read(loaded: LoadedModel) -> None:
    timing = Timing(loaded.model, [1, 2, 3])
    timing.block()
    said = section(timing, None, []).model_dump(mode="json")
    del said["captured"]
    assert Generation.model_validate(said).captured is None
