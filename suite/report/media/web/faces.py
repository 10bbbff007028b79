"""The theme's faces inside the page, cut down to the characters of European languages."""

from __future__ import annotations

import base64
import io
from functools import cache
from pathlib import Path

from fontTools import subset

from suite.report.fonts import font_files

WEIGHTS = {"Sans": 400, "Sans-Bold": 700, "Sans-Black": 900}
LETTERS = (*range(0x20, 0x7F), *range(0xA0, 0x180))  # ASCII, Latin-1 and Latin Extended-A
SIGNS = "\u2010\u2011\u2013\u2014\u2018\u2019\u201c\u201d\u2022\u2026\u2212\u2248\u2260\u2264\u2265\u2191\u2192\u2193"


def font_faces() -> str:
    """The `@font-face` rules of the family `Page`; other characters fall to the reader's own faces."""
    files = font_files()
    rule = "@font-face{{font-family:Page;font-weight:{};src:url(data:font/woff;base64,{}) format('woff')}}"
    return "".join(rule.format(weight, _cut(files[face])) for face, weight in WEIGHTS.items())


@cache
def _cut(path: Path) -> str:
    options = subset.Options()
    options.layout_features = ["tnum"]  # pairs are kerned by a browser only at four times the work here
    options.hinting = False
    options.flavor = "woff"
    font = subset.load_font(str(path), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=[*LETTERS, *map(ord, SIGNS)])
    subsetter.subset(font)
    buffer = io.BytesIO()
    subset.save_font(font, buffer, options)
    return base64.b64encode(buffer.getvalue()).decode()
