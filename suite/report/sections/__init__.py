"""The sections of every report, in the order they are printed: by interest. To add one, a file here, its words in
`templates/sections`, and its line below."""

from __future__ import annotations

from typing import Any

from suite.report.section import Section
from suite.report.sections import (
    breaks,
    cliff,
    criteria,
    first_study,
    forgotten,
    location,
    map,
    miniature,
    patterns,
    precision,
    recovery,
    samples,
    speed,
    storage,
    structure,
    ticket,
    universal,
)

_MEASURED: tuple[Section[Any], ...] = (
    cliff.SECTION,
    location.SECTION,
    universal.SECTION,
    criteria.SECTION,
    recovery.SECTION,
    ticket.SECTION,
    storage.SECTION,
    speed.SECTION,
    map.SECTION,
    patterns.SECTION,
    structure.SECTION,
    precision.SECTION,
    forgotten.SECTION,
    breaks.SECTION,
    samples.SECTION,
    first_study.SECTION,
)
SECTIONS = (*_MEASURED, miniature.section(_MEASURED))
