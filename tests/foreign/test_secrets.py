"""No token of the hub is said, however it is wrong."""

from __future__ import annotations

import httpx2
import pytest

from suite.errors import InputError
from suite.hub.explained import explained


def test_a_token_that_is_no_token_is_told_and_not_shown() -> None:
    with pytest.raises(InputError, match="HF_TOKEN holds a character that no token has") as told, explained("a/b", "x"):
        httpx2.Request("GET", "https://example.org", headers={"authorization": "Bearer hf_gehe\u00efm"})
    assert "gehe" not in str(told.value)


def test_what_a_client_says_of_a_header_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_short one")
    with pytest.raises(InputError) as told, explained("a/b", "x"):
        raise httpx2.LocalProtocolError("Illegal header value b'Bearer hf_short one'")
    assert "short" not in str(told.value)
