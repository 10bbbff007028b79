"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at and found. `fail`: studies cannot run, or not as meant; `warn`: worth a look first."""

    state: State
    check: str
    found: str
    cure: str | None = None


def ok(check: str, found: str) -> Finding:
    return Finding("ok", check, found)


def warn(check: str, found: str, cure: str) -> Finding:
    return Finding("warn", check, found, cure)


def fail(check: str, found: str, cure: str) -> Finding:
    return Finding("fail", check, found, cure)
