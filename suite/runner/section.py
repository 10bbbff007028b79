"""One of a record's measured sections, by its name: experiments yield them as they are measured."""

from __future__ import annotations

from typing import Any

Section = tuple[str, Any]
