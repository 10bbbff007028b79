"""Text nobody would choose, printed in every way the reports print text, and read back from the PDF.

python -m tests.report.hostile [--strings 10000] [--seed 0]
"""

from __future__ import annotations

import argparse
import io
import random
import time
import unicodedata
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib
from fontTools.ttLib import TTFont
from matplotlib.backends.backend_pdf import FigureCanvasPdf, PdfPages
from matplotlib.figure import Figure

from suite.paths import TEMPLATES
from suite.records.schema import Record
from suite.report.figures.style import Style, name, settings
from suite.report.fonts import BODY_FACES, FALLBACKS, SERIF_FACES, font_files
from suite.report.pdf import lay_out
from suite.report.templating import render
from tests.report.inspect_pdf import outside, text, unembedded

BOX, BREAK, ELLIPSIS = "\u25a1", "\u21b5", "\u2026"
MOST = 60  # characters that the page below clips a string to
SOURCE = """{% from "media/pieces.rml.j2" import docinit with context %}
<document filename="x.pdf" invariant="1" title="{{ strings[0]|plain }}">{{ docinit() }}
<template pagesize="(400,600)">
<pageTemplate id="p"><frame id="f" x1="20" y1="20" width="360" height="560"/></pageTemplate></template>
<stylesheet><paraStyle name="b" fontName="Sans" fontSize="8" leading="11"/>
<paraStyle name="mono" fontName="Mono" fontSize="7" leading="9"/>
<blockTableStyle id="t"><blockFont name="Sans" size="8" leading="10"/></blockTableStyle></stylesheet>
<story>
{% for one in strings %}
<para style="b">{{ one|clip(most) }}</para><para style="mono">{{ one|clip(most)|verbatim }}</para>
<blockTable style="t" colWidths="60"><tr><td><para style="b">{{ one|name(most) }}</para></td></tr></blockTable>
{% endfor %}
<figure name="names" width="300" height="500"/>
</story></document>"""

FRAGMENTS = (
    *("<b>", "</para>", "<font name='x'>", "]]>", "<!--", "&amp;", "&#0;", "&nosuch;", "{{ 1/0 }}", "{% raw %}", "{#"),
    *(
        "$x_1$",
        "\\frac{1}{2}",
        "%s",
        "<script>alert(1)</script>",
        "<?xml?>",
        "<seq/>",
        "\r\n",
        "\x00",
        "\x1b[31m",
        "\u202e",
    ),
    *(
        "\u2066",
        "\u200b",
        "\ufeff",
        "\ud800",
        "\u0301" * 12,
        "e\u0301",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\U0001f1e9",
    ),
    *(
        "\u4f60\u597d",
        "\u05e9\u05dc\u05d5\u05dd",
        "\u0645\u0631\u062d\u0628\u0627",
        "\u0928\u092e\u0938\u094d\u0924\u0947",
        "\ufb01",
    ),
    *(
        "\u3000",
        "\u2028",
        "\ufdfd",
        "\ufffd",
        "\uffff",
        "\u00ad",
        "\u00a0",
        "\t",
        "unbreakable" * 40,
        "W" * 300,
        "i" * 500,
    ),
)
SPANS = ((0, 0x7F), (0x80, 0x24F), (0x300, 0x36F), (0x370, 0x6FF), (0x900, 0x1FFF), (0x2000, 0x2BFF), (0x3000, 0x9FFF))
SPANS += ((0xD800, 0xFFFF), (0x10000, 0x1FFFF), (0x20000, 0x10FFFF))


def strings(count: int, seed: int) -> list[str]:
    """Random text: characters of every block, whole fragments of markup, and what joins, turns or hides them."""
    rng = random.Random(seed)

    def piece() -> str:
        if rng.random() < 0.4:
            return rng.choice(FRAGMENTS)
        low, high = rng.choice(SPANS)
        return "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 12)))

    return ["".join(piece() for _ in range(rng.randint(1, 8))) for _ in range(count)]


def names(count: int, seed: int) -> list[str]:
    """Such strings as a file can hold them: without halves of characters."""
    return [one.encode(errors="ignore").decode() for one in strings(count, seed)]


def renamed(records: Sequence[Record], called: Sequence[str]) -> list[Record]:
    """The records with their models under other names, one for each."""
    models = sorted({one.experiment.model for one in records})
    name = dict(zip(models, called, strict=False))
    said = [one.experiment.model_copy(update={"model": name[one.experiment.model]}) for one in records]
    return [one.model_copy(update={"experiment": two}) for one, two in zip(records, said, strict=True)]


@cache
def _has_glyph() -> frozenset[int]:
    """What every running face has, and what the wide ones do; read by another library than the reports use."""

    def coverage(face: str) -> frozenset[int]:
        with TTFont(font_files()[face]) as font:
            return frozenset(font.getBestCmap())

    running = frozenset.intersection(*map(coverage, BODY_FACES + SERIF_FACES))
    return running.union(*map(coverage, FALLBACKS))


def shown(given: str, breaks: bool) -> Counter[str]:
    """The characters that a reader must find, in any order: each its own, or a box; `breaks`: line breaks show."""
    found: Counter[str] = Counter()
    for c in given.replace("\r\n", "\n"):
        if c in "\n\r":
            found[BREAK] += breaks
        elif c != "\t" and unicodedata.category(c) != "Zs":
            hidden = unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")
            found[BOX if hidden or ord(c) not in _has_glyph() else c] += 1
    return +found


def faults(given: Sequence[str]) -> Iterator[str]:
    """Print the strings as running text, as samples, in narrow cells and in a figure; say what came out wrongly."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "media").symlink_to(TEMPLATES / "media")
        (Path(folder) / "page.rml.j2").write_text(SOURCE, encoding="utf-8")
        rml = render("page.rml.j2", {"strings": given, "most": MOST}, Path(folder))
    layout = lay_out(rml)
    content = layout.complete(lambda places: _figure(given, *places["names"])).content
    yield from unembedded(content)
    yield from outside(content, sides=10, ends=2)
    wanted: Counter[str] = Counter()
    for one in given:
        clipped = one if len(one) <= MOST else one[: MOST - 1].rstrip() + ELLIPSIS
        tail = (MOST - 1) // 2
        short = one if len(one) <= MOST else one[: MOST - 1 - tail] + ELLIPSIS + one[len(one) - tail :]
        wanted += shown(clipped, False) + shown(clipped, True) + shown(short, False)
    printed = Counter(c for c in text(layout.raw) if not c.isspace())
    yield from (f"{c!r} is lost {count} times" for c, count in (wanted - printed).items())


def _figure(given: Sequence[str], width: float, height: float) -> bytes:
    """The strings as the names in a figure; matplotlib warns of a glyph that is missing."""
    buffer, style = io.BytesIO(), Style(size=6, line=1)
    with warnings.catch_warnings(), matplotlib.rc_context(settings(style)), PdfPages(buffer) as pages:
        warnings.simplefilter("error", UserWarning)
        figure = Figure(figsize=(width / 72, height / 72))
        FigureCanvasPdf(figure)
        for index, one in enumerate(given):
            figure.text(0.1, (index + 1) / (len(given) + 2), name(one))
        figure.savefig(pages, format="pdf")
    return buffer.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strings", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    started, batch = time.perf_counter(), 500
    given = strings(arguments.strings, arguments.seed)
    for first in range(0, len(given), batch):
        found = list(faults(given[first : first + batch]))
        if found:
            where = f"strings {first} to {first + batch} of seed {arguments.seed}"
            raise SystemExit(f"ci: {where}: {'; '.join(found[:5])}")
    print(f"{len(given):,} hostile strings printed in {time.perf_counter() - started:.0f} s, none lost")


if __name__ == "__main__":
    main()
