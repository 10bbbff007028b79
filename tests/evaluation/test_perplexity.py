"""The perplexity is the protocol's, whatever the chunks and batches; nothing that is not finite becomes a number."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from suite.data.source import text_from_catalogue
from suite.data.tokenizer import story_tokenizer
from suite.data.windows import Labels, Windows, make_windows
from suite.evaluation import blocks
from suite.evaluation.perplexity import NotFiniteError, perplexity, token_losses
from suite.models.loading import load_model
from suite.models.source import from_folder
from suite.records.schema import Protocol


@pytest.fixture(scope="module")
def model(mistral: Path) -> PreTrainedModel:
    return load_model(from_folder("m", mistral), "float32", "a test").model


@pytest.fixture(scope="module")
def windows() -> Windows:
    return make_windows(text_from_catalogue("stories"), story_tokenizer(), 256)


def protocol(windows: Windows) -> Protocol:
    return Protocol(
        name="n", text="t", text_sha256="0", text_bytes=1, join="", tokenizer_sha256="0", bos=False, context=256,
        stride=256, windows=1, batch_size=1, attention="sdpa", dtype="float32", stored_dtype="float32",
    )  # fmt: skip


def test_losses_are_those_of_the_whole_logits(model: PreTrainedModel, windows: Windows) -> None:
    tokens = windows.tokens[:5]
    with torch.inference_mode():
        logits = model(tokens).logits.double()
        expected = nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    assert token_losses(model, tokens, 2) == pytest.approx(expected.numpy(), rel=1e-5, abs=1e-5)


def test_six_digits_stand_whatever_the_batch_and_the_chunk(
    model: PreTrainedModel, windows: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = windows.tokens[:8]
    values = [math.exp(token_losses(model, tokens, batch).astype("f8").mean()) for batch in (1, 3, 8)]
    monkeypatch.setattr(blocks, "LOGITS_AT_ONCE", 10_000)
    values.append(math.exp(token_losses(model, tokens, 8).astype("f8").mean()))
    assert len({f"{value:.6g}" for value in values}) == 1


class Oracle:
    """A model that knows the grammar: its body passes on the place, its head gives the grammar's own probabilities."""

    device = torch.device("cpu")
    config = SimpleNamespace(model_type="llama")

    def __init__(self, windows: Windows) -> None:
        assert windows.labels is not None
        count, context = windows.tokens.shape
        vocabulary = 200
        logits = torch.full((count, context, vocabulary), -60.0)
        share = torch.from_numpy(np.exp(windows.labels.logprob))
        for row in range(count):
            targets = windows.tokens[row, 1:]
            logits[row, torch.arange(context - 1), targets] = share[row].log().float()
            # What is left over goes to a word that never comes, so that the shares sum to one.
            logits[row, : context - 1, vocabulary - 1] = torch.log1p(-share[row] + 1e-12).float()
        self.logits, self.context, self.row = logits, context, 0

    def base_model(self, inputs: Tensor, use_cache: bool) -> Any:
        rows = torch.arange(self.row, self.row + len(inputs))
        self.row += len(inputs)
        places = rows[:, None] * self.context + torch.arange(self.context)
        return SimpleNamespace(last_hidden_state=places[..., None])

    def get_output_embeddings(self) -> Callable[[Tensor], Tensor]:
        def head(places: Tensor) -> Tensor:
            return self.logits.flatten(0, 1)[places[:, 0]]

        head.weight = self.logits[0, 0]  # type: ignore[attr-defined]
        return head


def test_an_oracle_gets_the_grammars_own_score_in_total_and_by_kind(windows: Windows) -> None:
    losses = token_losses(Oracle(windows), windows.tokens, 8)  # type: ignore[arg-type]
    measured = perplexity(losses, windows, protocol(windows), 200)
    assert measured.value == pytest.approx(measured.floor, rel=1e-5)
    assert measured.whole == pytest.approx(measured.whole_floor, rel=1e-5)
    assert measured.by_kind == pytest.approx(measured.floor_by_kind, abs=1e-4)
    assert set(measured.by_kind or ()) == {"recall", "fact", "agreement", "free"}


def test_windows_in_which_no_story_begins_are_measured_all_the_same(windows: Windows) -> None:
    labels = windows.labels
    assert labels is not None
    few = Labels(labels.logprob[:2], labels.kind[:2], np.zeros_like(labels.whole[:2]))
    some = Windows(**{**vars(windows), "tokens": windows.tokens[:2], "labels": few})
    found = perplexity(-few.logprob, some, protocol(windows), 183)
    assert found.whole is None and found.by_kind == {} and found.value == pytest.approx(found.floor)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_logit_that_is_not_finite_is_never_a_number(mistral: Path, windows: Windows, bad: float) -> None:
    model = load_model(from_folder("m", mistral), "float32", "a test").model
    never = 181  # a word that is not a target in the first window is enough
    assert never not in windows.tokens[0]
    head = model.get_output_embeddings()
    original = head.forward

    def broken(hidden: Tensor) -> Tensor:
        logits = original(hidden)
        logits[-1, never] = bad
        return logits

    head.forward = broken
    with pytest.raises(NotFiniteError, match="not finite"):
        token_losses(model, windows.tokens[:1], 1)


def test_the_record_adds_up(model: PreTrainedModel, windows: Windows) -> None:
    losses = token_losses(model, windows.tokens[:6], 3)
    some = Windows(**{**vars(windows), "tokens": windows.tokens[:6], "labels": None})
    measured = perplexity(losses, some, protocol(windows), 182)
    measured = perplexity(losses, some, protocol(windows), 182, measured.model_copy(update={"value": 100.0}))
    assert measured.value == pytest.approx(math.exp(np.mean(measured.nll_per_window)), rel=1e-12)
    assert measured.ratio_to_dense == measured.value / 100
    assert (measured.tokens, measured.windows, measured.uniform) == (6 * 255, 6, 182)
    bits = math.log2(measured.value) * some.text_tokens / some.text_bytes
    assert measured.bits_per_byte == pytest.approx(bits, rel=1e-12)
    assert measured.floor is None
