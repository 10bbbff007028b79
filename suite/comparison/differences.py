"""What is said of two experiments or two protocols that are not the same."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel

from suite.records.experiment import Continuation, TextReference, short_revision


def differing(here: BaseModel, there: BaseModel, fields: Iterable[str]) -> dict[str, str]:
    """Those of the fields in which two experiments or protocols differ, each with what is said of it."""
    found = {}
    for field in fields:
        mine, theirs = getattr(here, field), getattr(there, field)
        if mine != theirs:
            found[field] = _WORDING[field].format(here=_short(mine), there=_short(theirs))
    return found


_WORDING = {
    "revision": "another revision of the model: {here} here, {there} there",
    "text": "another text: {here} here, {there} there",
    "text_sha256": "another text: {here} here, {there} there",
    "tokenizer_sha256": "another tokenizer: {here} here, {there} there",
    "bos": "a first token of its own (BOS): {here} here, {there} there",
    "join": "the text joined by {here} here, {there} there",
    "context": "windows of {here} tokens here, {there} there",
    "stride": "a stride of {here} tokens here, {there} there",
    "windows": "{here} windows here, {there} there",
    "text_windows": "windows chosen of {here} here, of {there} there",
    "precision": "precision {here} here, {there} there",
    "generation": "{here} here, {there} there",
    "measure": "measured here: {here}; there: {there}",
}


def _short(value: object) -> str:
    match value:
        case TextReference():
            return f"{value.name} {_short(value.revision)} joined by {value.join!r}"
        case Continuation():
            return value.words
        case None:
            return "all"
        case bool():
            return "yes" if value else "no"
        case tuple():
            return ", ".join(map(str, value))
        case str() if len(value.removeprefix("sha256:")) >= 40:  # a hash
            return short_revision(value)
        case str() if not value.isalnum():
            return repr(value)
    return str(value)
