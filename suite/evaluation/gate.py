"""The dense gate (rule 14): a dense model far from its published perplexity stops, before anything is compared with it.

The usual reasons why a perplexity does not reproduce are looked at where they can be, so that the message says which.
"""

from __future__ import annotations

from collections.abc import Iterator

from suite.data.windows import Windows
from suite.errors import ExperimentError
from suite.models.catalogue import Published
from suite.protocol import GATE
from suite.records.schema import Perplexity


class GateError(ExperimentError):
    """The dense model is not the published one, or is not measured as it was."""


def dense_gate(dense: Perplexity, published: Published | None, windows: Windows) -> None:
    """Let a dense model pass whose perplexity is the published one, or of which none is known for this protocol.

    What is published is of the whole text, so that a dense model passes of which only some windows were evaluated.

    Raises:
        GateError: it is more than 1 % off; with what differs, what was checked, and what could not be.
    """
    protocol, text = dense.protocol, windows.source
    if published is None or not published.holds_for(text.reference, protocol.context):
        return
    if not protocol.whole_text or protocol.bos == "each":
        return
    off = dense.value / published.perplexity - 1
    if abs(off) <= GATE:
        return
    findings = list(_findings(dense, published, windows))
    parts = [
        f"dense perplexity {dense.value:.5g} is {100 * abs(off):.3g} % {'above' if off > 0 else 'below'} the published "
        f"{published.perplexity:g} ({text.name}, windows of {protocol.context}), and {100 * GATE:g} % is allowed"
    ]
    for verdict in ("differs", "as expected", "cannot be checked"):
        if told := [text for found, text in findings if found == verdict]:
            parts.append(f"{verdict}: {', '.join(told)}")
    raise GateError("; ".join(parts))


def _findings(dense: Perplexity, published: Published, windows: Windows) -> Iterator[tuple[str, str]]:
    """Each likely cause: whether it differs, is as expected, or cannot be checked; and what was seen."""
    protocol = dense.protocol

    def compared(what: str, expected: object, found: object) -> tuple[str, str]:
        if expected is None:
            return "cannot be checked", f"{what} ({found})"
        if expected == found:
            return "as expected", f"{what} ({found})"
        return "differs", f"{what} ({expected} expected, {found} found)"

    yield compared("text sha256", published.text_sha256 and published.text_sha256[:8], protocol.text_sha256[:8])
    yield compared("tokens of the text", published.tokens, windows.text_tokens)
    expected_windows = published.tokens // protocol.context if published.tokens else None
    yield compared("windows", expected_windows, protocol.windows)
    yield compared("BOS at the start", published.bos, protocol.bos)
    tokenizer = published.tokenizer_sha256
    yield compared("tokenizer sha256", tokenizer and tokenizer[:8], protocol.tokenizer_sha256[:8])
    highest = int(windows.tokens.max())
    if highest >= dense.uniform:
        yield "differs", f"token ids (up to {highest}, the model knows {dense.uniform:.0f})"
    same = protocol.dtype in (protocol.stored_dtype, "float32")
    yield "as expected" if same else "differs", f"dtype ({protocol.dtype}, stored in {protocol.stored_dtype})"
