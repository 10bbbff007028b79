"""Names that records and manifests had before.

A former name is read as the present one, so that old records and manifests stay readable. The id of an experiment is
made with the former names, so that what was measured before keeps its id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

ARMS = {
    "plateau": "dense-longer",
    "fresh": "random-reinit",
    "rate-rewinding": "learning-rate-rewinding",
    "small": "small-dense",
}
SCOPES = {"published": "reference"}


def renamed(former: Mapping[str, str]) -> Callable[[Any], Any]:
    """A validator that replaces a former name by the present one, and leaves every other value as it is."""
    return lambda value: former.get(value, value) if isinstance(value, str) else value


def in_id(former: Mapping[str, str], name: str) -> str:
    """The name that stands for a present one in an id."""
    return next((old for old, new in former.items() if new == name), name)
