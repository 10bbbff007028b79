"""The results page: one HTML file that needs nothing else, with the same sections as poster and paper.

An overview, and every section folded behind it. Figures are inline SVG with a text alternative made from their tables;
a few lines of JavaScript sort tables, filter the records and unfold what the address names. The records are data in the
page, which become a table when they are asked for. A policy forbids any request, and any script or style but its own.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from markupsafe import Markup

from suite.analysis.cells import Cell
from suite.analysis.facts import Facts
from suite.analysis.values import NotMeasured, Verdict
from suite.paths import TEMPLATES
from suite.records.wording import criterion_words
from suite.report import tables
from suite.report.contents import Contents, Shown
from suite.report.drawing import draw_svg
from suite.report.figures.style import Style
from suite.report.glyphs import clip
from suite.report.media.web.colours import Palette, palette
from suite.report.media.web.drawn import inline
from suite.report.media.web.faces import font_faces
from suite.report.media.web.slider import slider
from suite.report.medium import HTML
from suite.report.section import Figure, Table
from suite.report.tables import SHADES
from suite.report.theme import theme
from suite.report.wording import Wording
from suite.report.words import listing

FIGURE_STYLE = Style(size=12.5, line=2.1)
WIDTH, COLUMN = 440.0, 243.0  # of a figure's view, and of the column that its height is given for
WIDE = 330.0  # height of a figure that is across both columns of the paper
DIGITS = 6  # of the numbers in the packed records
LONGEST = 200  # characters of the reason why a record failed
OVERVIEW = ("cliff", "network")  # the figures of the overview
VERDICTS = {  # in the order they are counted: of one claim, and of several
    Verdict.HOLDS: ("holds", "hold"),
    Verdict.MOSTLY: ("mostly holds", "mostly hold"),
    Verdict.MIXED: ("is mixed", "are mixed"),
    Verdict.FAILS: ("does not hold", "do not hold"),
    Verdict.UNKNOWN: ("cannot be told", "cannot be told"),
}


def build_page(contents: Contents) -> bytes:
    """The results page of a study, as UTF-8; the same facts and theme give the same bytes.

    Raises:
        FormatError, jinja2.UndefinedError, KeyError: a template is at fault.
        InputError: the theme's logo cannot be read.
    """
    colours, words = palette(), Wording(contents, HTML, "page")
    style = f"{font_faces()}\n{_variables(colours)}\n{_file('style.css')}"
    script = _file("page.js")
    steps = slider(contents.facts)
    context: dict[str, Any] = {
        "drawn": partial(_drawn, words, colours),
        "table_of": lambda shown, table: tables.html(table, shown.found, words.caption(shown, table)),
        "overview": OVERVIEW if steps is None else OVERVIEW[:1],  # the slider has a picture of the network itself
        "steps": steps,
        "records": Markup(json.dumps(packed(contents.facts), separators=(",", ":")).replace("<", "\\u003c")),
        "counts": _counts(contents),
        "logo": _logo(),
        "style": Markup(style),
        "script": Markup(script),
        "policy": _policy(style, script),
    }
    return words.render("media/page.html.j2", **context).lstrip().encode()


def packed(facts: Facts) -> list[list[object]]:
    """Every record as a row: what stands in the columns of the page's table of records; why it failed, where it did."""
    return [_record(cell) for family in facts.families for cell in family.cells]


def _record(cell: Cell) -> list[object]:
    e = cell.experiment
    digest = cell.mask_digest
    quality = cell.quality
    bits = quality if isinstance(quality, NotMeasured) else quality.bits_per_byte
    numbers = [cell.perplexity, cell.ratio, bits, cell.agreement, cell.kl]
    mask = "" if e.unpruned or isinstance(digest, NotMeasured) else digest[:10]
    return [
        cell.record.id[:10],
        _visible(cell.model),
        criterion_words(e),
        _visible(cell.what),
        _rounded(cell.sparsity),
        *map(_rounded, numbers),
        mask,
        cell.record.status,
        *([] if cell.done else [_visible(clip(cell.record.error or "no reason was recorded", LONGEST))]),
    ]


def _visible(text: str) -> str:
    """A text that the script puts into a cell: nothing in it hides, and nothing turns the direction of writing."""
    return HTML.printable(text).striptags()


def _rounded(value: object) -> float | None:
    return float(f"{value:.{DIGITS}g}") if isinstance(value, int | float) else None


def _drawn(words: Wording, colours: Palette, shown: Shown, figure: Figure[Any]) -> Markup:
    """A figure as inline SVG; its description is its table read aloud, where it has one."""
    height = WIDE if figure.wide else figure.tall(shown.found) * WIDTH / COLUMN
    svg = draw_svg(figure.key, WIDTH, height, words.contents, FIGURE_STYLE)
    caption = words.caption(shown, figure).striptags()
    table: Table[Any, Any] | None = shown.table(figure.table) if figure.table else None
    told = tables.words(table, shown.found) if table else caption
    return inline(svg, figure.key, caption, told, colours)


def _counts(contents: Contents) -> str:
    """How many claims came out how, in words."""
    verdicts = [claim.verdict for claim in contents.claims.values()]
    counts = [(verdicts.count(verdict), said) for verdict, said in VERDICTS.items()]
    return listing(f"{count} {said[count > 1]}" for count, said in counts if count)


def _file(name: str) -> str:
    return (TEMPLATES / "media" / name).read_text(encoding="utf-8")


def _variables(colours: Palette) -> str:
    """The colours as custom properties, and the classes of the cells that are shaded."""
    pairs = ";".join(f"--{name}:light-dark({light},{dark})" for name, (light, dark) in colours.items())
    shades = "".join(f".shade-{step}{{background:var(--shade-{step})}}" for step in range(SHADES + 1))
    return f":root{{{pairs}}}{shades}"


def _policy(style: str, script: str) -> str:
    def digest(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    allowed: Mapping[str, str] = {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest(style)}'",
        "script-src": f"'sha256-{digest(script)}'",
        "img-src": "data:",
        "font-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in allowed.items())


def _logo() -> Markup | None:
    """The team's logo as a data address."""
    path = theme().team.logo
    if path is None:
        return None
    from suite.report.marks import read_logo

    read_logo(path)
    return Markup("data:image/svg+xml;base64,") + base64.b64encode(path.read_bytes()).decode()
