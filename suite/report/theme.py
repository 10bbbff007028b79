"""The look of both reports: `templates/theme.yaml`, read by figures and templates alike."""

from __future__ import annotations

from functools import cache

import yaml
from pydantic import BaseModel, ConfigDict

from suite.paths import TEMPLATES


class Theme(BaseModel):
    """Colours are `#RRGGBB`; `series` is cycled through, `control` is for random pruning."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    subtitle: str
    authors: str
    language: str
    colours: dict[str, str]
    series: tuple[str, ...]
    control: str


@cache
def theme() -> Theme:
    """Raises: pydantic.ValidationError: the file has a key the theme does not know, or lacks one."""
    return Theme.model_validate(yaml.safe_load((TEMPLATES / "theme.yaml").read_text(encoding="utf-8")))


def blend(low: str, high: str, share: float) -> str:
    """The colour `share` (0 to 1, clipped) of the way from one `#RRGGBB` to another."""
    share = min(max(share, 0.0), 1.0)
    start, end = (tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5)) for colour in (low, high))
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in zip(start, end, strict=True))
