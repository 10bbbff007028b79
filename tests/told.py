"""What the sections of a report find in records, and what they claim of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from suite.analysis.facts import Facts, build_facts
from suite.analysis.values import Claim
from suite.records.schema import Record
from suite.report.contents import contents_of


def claims(told: Facts | Iterable[Record]) -> Mapping[str, Claim]:
    """The claims that a report of these records, or facts, has."""
    return contents_of(_facts(told)).claims


def found(key: str, told: Facts | Iterable[Record]) -> Any:
    """What a section found; None where the report has no such section."""
    shown = contents_of(_facts(told)).find(key)
    return shown.found if shown else None


def _facts(told: Facts | Iterable[Record]) -> Facts:
    return told if isinstance(told, Facts) else build_facts(told)
