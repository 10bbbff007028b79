"""What z3c.rml lets pass in silence and must not: checked on the RML before anything is laid out."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from suite.report.fonts import FALLBACKS, common_coverage, coverage
from suite.report.rml.elements import install, signatures

INLINE = {
    "b": set[str](),
    "i": set[str](),
    "br": set[str](),
    "sub": {"rise", "size"},
    "super": {"rise", "size"},
    "font": {"name", "color", "size"},
    "a": {"href", "name", "color"},
    "pageNumber": set[str](),
}
BANNED = {
    "fixedSize": "it shrinks its content in silence; use <column>",
    "keepInFrame": "it shrinks its content in silence; use <column>",
    "plugInFlowable": "it runs any code; add an element in suite/report/rml/elements.py",
    "image": "it would be a raster; use <figure>",
}


class RmlError(ValueError):
    """A template made RML that would print wrongly; the message lists every fault with its line."""


def check(root: etree._Element) -> None:
    """Raises: RmlError: unknown elements or attributes, hidden overflow, bare table cells, missing glyphs."""
    install()
    known = signatures()
    faults = [fault for element in root.iter(etree.Element) for fault in _faults(element, known)]
    faults += list(_missing_glyphs(root))
    if faults:
        raise RmlError("the template has faults:\n  " + "\n  ".join(faults))


def _faults(element: etree._Element, known: dict[str, set[str]]) -> Iterator[str]:
    tag, where = str(element.tag), f"line {element.sourceline}"
    if tag in BANNED:
        yield f"{where}: <{tag}> is not allowed: {BANNED[tag]}"
    attributes = INLINE[tag] if tag in INLINE else known.get(tag)
    if attributes is None:
        yield f"{where}: there is no element <{tag}>"
        return
    for name in element.attrib:
        if name not in attributes:
            yield f"{where}: <{tag}> has no attribute {name!r}"
    if tag == "td" and (element.text or "").strip():
        yield f"{where}: put the text of a cell into <para>; bare text does not wrap"


def _missing_glyphs(element: etree._Element, face: str = "") -> Iterator[str]:
    """Characters the face they are set in does not have: they would print as black boxes."""
    if element.tag == "font" and element.get("name") in (*FALLBACKS, "Mono-Bold"):
        face = str(element.get("name"))
    elif element.tag == "para" and (element.get("style") or "").startswith("mono"):
        face = "Mono"
    have = coverage(face) if face else common_coverage()
    text = (element.text or "") if isinstance(element.tag, str) else ""
    for child in element:
        yield from _missing_glyphs(child, face)
        text += child.tail or ""
    if missing := {c for c in set(text) if ord(c) not in have and c not in "\n\t"}:
        listed = ", ".join(f"{c!r} (U+{ord(c):04X})" for c in sorted(missing))
        yield f"line {element.sourceline}: no glyph in {face or 'the running faces'} for {listed}"
