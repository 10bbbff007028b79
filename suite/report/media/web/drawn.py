"""A figure as inline SVG: named for those who cannot see it, in the page's colours, its ids its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial

from lxml import etree
from markupsafe import Markup

from suite.report.media.web.colours import Palette, dusk, figure_colours

SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"
HEX = re.compile("#[0-9a-f]{6}")
REFERENCE = re.compile(r"url\(#([^)]+)\)")


def inline(svg: bytes, key: str, title: str, description: str, palette: Palette) -> Markup:
    """The SVG of a figure for an HTML document.

    Its styles become attributes, which a strict policy allows; colours become the page's, which change in the dark.
    """
    root = etree.fromstring(svg, etree.XMLParser(remove_blank_text=True, remove_comments=True, no_network=True))
    for name in ("metadata", "style"):
        for element in list(root.iter(SVG + name)):
            element.getparent().remove(element)
    ids = _ids(root, key)
    colours = {text: figure_colours(palette, text=text) for text in (False, True)}

    def colour(found: re.Match[str], text: bool) -> str:
        return colours[text].get(found[0]) or f"light-dark({found[0]},{dusk(palette, found[0])})"

    for element in root.iter(etree.Element):
        _restyle(element, partial(colour, text=element.tag == SVG + "text"))
        _rename(element, ids)
    view = root.get("viewBox")
    root.attrib.clear()
    names = {"title": f"{key}-title", "desc": f"{key}-desc"}
    root.attrib.update({"viewBox": view, "class": "drawn", "role": "img"})
    root.attrib.update({"fill": "var(--ink)", "stroke-linejoin": "round"})  # what is black says no colour of its own
    root.set("aria-labelledby", names["title"])
    root.set("aria-describedby", names["desc"])
    for place, (tag, text) in enumerate({"title": title, "desc": description}.items()):
        named = etree.Element(SVG + tag, {"id": names[tag]})
        named.text = text
        root.insert(place, named)
    etree.cleanup_namespaces(root)
    return Markup(etree.tostring(root, encoding="unicode"))


def _ids(root: etree._Element, key: str) -> Mapping[str, str]:
    """New names for what is referred to, so that figures of one document do not share any."""
    used: dict[str, str] = {}
    for element in root.iter(etree.Element):
        for value in element.attrib.values():
            found = REFERENCE.match(value)
            target = found[1] if found else value[1:] if element.get(HREF) == value else None
            if target:
                used.setdefault(target, f"{key}-{len(used)}")
    return used


def _rename(element: etree._Element, ids: Mapping[str, str]) -> None:
    if (old := element.attrib.pop("id", None)) in ids:
        element.set("id", ids[old])
    if href := element.attrib.pop(HREF, None):
        element.set("href", f"#{ids[href[1:]]}")
    if found := REFERENCE.match(element.get("clip-path", "")):
        element.set("clip-path", f"url(#{ids[found[1]]})")


def _restyle(element: etree._Element, colour: Callable[[re.Match[str]], str]) -> None:
    """The style as attributes, but for what is the page's to say: the family of the type."""
    pairs = (part.split(":", 1) for part in element.attrib.pop("style", "").split(";") if part.strip())
    style = {name.strip(): value.strip() for name, value in pairs}
    style.pop("font-family", None)
    for name, value in style.items():
        element.set(name, HEX.sub(colour, value).removesuffix("px"))
    for name in ("d", "transform"):
        if value := element.get(name):
            element.set(name, " ".join(value.split()))
    if element.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]
