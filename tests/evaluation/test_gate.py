"""A dense model far from its published perplexity is stopped, and the message names what differs and what does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from suite.data.source import text_from_catalogue, text_from_file
from suite.data.windows import Windows
from suite.evaluation.gate import GateError, dense_gate
from suite.models.catalogue import MODELS, Published
from suite.records.schema import Perplexity
from tests import synthetic

WIKITEXT = text_from_catalogue("wikitext-2")
QWEN = MODELS["qwen2.5-7b"].published


def measured(value: float, **protocol: Any) -> Perplexity:
    quality = synthetic.record().perplexity
    assert quality and QWEN
    given = {"context": 2048, "windows": 146, "text_sha256": QWEN.text_sha256, "bos": False, "dtype": "bfloat16"}
    given |= {"stored_dtype": "bfloat16"} | protocol
    changed = quality.protocol.model_copy(update=given)
    return quality.model_copy(update={"value": value, "uniform": 152064.0, "protocol": changed})


def windows(**changes: Any) -> Windows:
    given = Windows(
        source=WIKITEXT,
        tokens=torch.zeros(146, 2048, dtype=torch.int64),
        bos=False,
        text_sha256="",
        text_bytes=1_296_370,
        text_tokens=299_078,
        text_windows=146,
        tokenizer_sha256="7" * 64,
        labels=None,
    )
    return replace(given, **changes)


def test_a_model_within_one_per_cent_passes() -> None:
    dense_gate(measured(6.85 * 1.0099), QWEN, windows())
    dense_gate(measured(6.85 * 0.9901), QWEN, windows())


def test_what_differs_is_named_apart_from_what_does_not() -> None:
    with pytest.raises(GateError) as told:
        dense_gate(measured(7.5, bos=True, dtype="float16"), QWEN, windows(bos=True))
    assert str(told.value) == (
        "dense perplexity 7.5 is 9.49 % above the published 6.85 (wikitext-2, windows of 2048), and 1 % is allowed; "
        "differs: BOS at the start (False expected, True found), dtype (float16, stored in bfloat16); "
        "as expected: text sha256 (696cca6b), tokens of the text (299078), windows (146); "
        "cannot be checked: tokenizer sha256 (77777777)"
    )


@pytest.mark.parametrize(
    ("protocol", "changes", "words"),
    [
        ({"text_sha256": "f" * 64}, {}, "differs: text sha256 (696cca6b expected, ffffffff found)"),
        ({"windows": 150}, {"text_tokens": 307_200}, "tokens of the text (299078 expected, 307200 found)"),
        ({}, {"tokens": torch.full((146, 2048), 152064)}, "token ids (up to 152064, the model knows 152064)"),
    ],
)
def test_each_likely_cause_is_looked_at(protocol: dict[str, Any], changes: dict[str, Any], words: str) -> None:
    with pytest.raises(GateError, match="below") as told:
        dense_gate(measured(5.0, **protocol), QWEN, windows(**changes))
    assert words in str(told.value)


def test_another_protocol_is_not_held_to_the_published_value(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("a text")
    dense_gate(measured(7.5, context=1024), QWEN, windows())
    dense_gate(measured(7.5), QWEN, windows(source=text_from_catalogue("wikitext-2", join="")))
    dense_gate(measured(7.5), QWEN, windows(source=text_from_file("mine", tmp_path / "t.txt")))
    dense_gate(measured(7.5), None, windows())
    dense_gate(measured(7.5, windows=16, text_windows=146), QWEN, windows())  # published values are of whole texts
    dense_gate(measured(7.5, bos="each"), QWEN, windows())
    with pytest.raises(GateError):  # a manifest's own value holds for the manifest's text
        dense_gate(measured(7.5), Published(5.0), windows(source=text_from_file("mine", tmp_path / "t.txt")))
