"""The sections that plug-ins add. Whatever one of them does, the rest of a document is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from suite.plugins import Origin, Registry, tell
from suite.report.section import Section
from suite.report.sections import SECTIONS

if TYPE_CHECKING:
    from suite.report.contents import Contents

Made = TypeVar("Made")
PLACES = ("claims", "made", "main", "method", "limits", "records", "references")  # ids on the page


def _drawn(section: Section[Any]) -> set[str]:
    """The keys of its figures and tables, which are numbered over all sections."""
    return {figure.key for figure in section.figures} | {table.key for table in section.tables}


def _fault(key: str, section: Section[Any]) -> str | None:
    """What is wrong with a plug-in's section."""
    if section.key != key:
        return f"its entry point and its `key` are the same word, and its key is {section.key!r}"
    if section.words is None or not section.words.is_file():
        return f"`words` is the path of its Jinja file, and is {section.words}"
    if section.title in {own.title for own in SECTIONS}:
        return f"a section of the suite has the title {section.title!r}"
    if taken := sorted(_drawn(section) & {key for own in SECTIONS for key in _drawn(own)}):
        return f"a section of the suite has a figure or table {taken[0]!r}"
    return None


ADDED: Registry[Section[Any]] = Registry(
    "sections", "section", (Section,), {section.key: section for section in SECTIONS}, _fault, lambda: PLACES
)


def added_sections() -> Iterator[tuple[Section[Any], Origin]]:
    """Those of plug-ins, by name, with whose they are; of two that share a figure or a table, the first."""
    seen: dict[str, Origin] = {}
    for _, section, origin in ADDED.added():
        if taken := sorted(_drawn(section) & set(seen)):
            told(section, origin, f"as plug-in {seen[taken[0]]} has a figure or table {taken[0]!r}, too")
        else:
            seen |= dict.fromkeys(_drawn(section), origin)
            yield section, origin


def told(section: Section[Any], origin: Origin, why: str) -> None:
    """Say that a section is left out."""
    tell(f"plug-in {origin}: section {section.key!r} is left out, {why}")


def failing(error: BaseException) -> str:
    """Why a section is left out that raises; of what failed in another process, the end of its traceback."""
    lines = str(error).strip().splitlines() or [""]
    return f"as it fails with {type(error).__name__}: {lines[-1]}"


def printed(contents: Contents, make: Callable[[Contents], Made]) -> Made:
    """What `make` makes of the contents; where that fails, of those without the plug-ins' sections it fails with.

    Raises:
        Exception: it fails without any of them, too.
    """
    try:
        return make(contents)
    except Exception:  # a section's figure, table or words may do anything
        added = [shown for shown in contents.sections if shown.origin]
        if not added:
            raise
        kept = [shown for shown in contents.sections if not shown.origin]
        made = make(replace(contents, sections=tuple(kept)))
        for shown in added:
            try:
                made = make(replace(contents, sections=(*kept, shown)))
                kept.append(shown)
            except Exception as error:
                assert shown.origin is not None
                told(shown.section, shown.origin, failing(error))
        return made
