"""What is said of wrong input is one sentence, whatever it has to quote, and no secret is in it."""

from __future__ import annotations

import pytest

from suite.errors import LONGEST, InputError, sentence


def test_what_a_terminal_would_obey_is_escaped() -> None:
    said = str(InputError("model '\x1b[31mred\x07\u202e' is not\r\n  here"))
    assert said == "model '\\x1b[31mred\\x07\\u202e' is not here"


def test_an_ordinary_sentence_stays_as_it_is() -> None:
    said = "no model is called 'étude 5 %'; the catalogue has phi-2, 你好"
    assert str(InputError(said)) == said == sentence(said)


def test_a_sentence_of_millions_of_characters_keeps_its_ends() -> None:
    said = sentence("study.yaml:1:1: " + "x" * 1_000_000 + "; leave it out")
    assert len(said) < LONGEST + 20
    assert said.startswith("study.yaml:1:1: ") and said.endswith("; leave it out")


def test_a_token_is_never_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "a secret of mine")
    said = str(InputError("illegal header b'Bearer a secret of mine', or Bearer hf_abcdefghijklmnopQRSTUV"))
    assert said == "illegal header b'Bearer ***', or Bearer ***"
