"""The results page: one HTML file that needs nothing else, with the same facts as poster and paper.

Figures are inline SVG with a text alternative, tables are sorted and filtered by a few lines of JavaScript, without
which everything is still there. A policy inside the page forbids it any request and any script or style but its own.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup

from suite.analysis.facts import Facts
from suite.analysis.patterns import GROUPED
from suite.analysis.recorded import beside, read_recorded
from suite.analysis.samples import selection
from suite.analysis.values import NotMeasured
from suite.paths import TEMPLATES
from suite.protocol import MASS_FACTORS
from suite.report.figures import draw_svg
from suite.report.figures.style import Style
from suite.report.format import FormatError, harm
from suite.report.medium import HTML
from suite.report.page.colours import SHADES, Palette, palette
from suite.report.page.drawn import inline
from suite.report.page.faces import font_faces
from suite.report.rules import RULES
from suite.report.templating import render
from suite.report.theme import theme

FIGURE_STYLE = Style(size=12.5, line=2.1)
WIDTH = 440.0  # of a figure's view: on a telephone its type is still near 10 px, on a desk near 18
MOST_SAMPLES = 12

# Each figure's height, None where the study has no records for it.
Height = Callable[[Facts], float | None]
HEIGHTS: dict[str, Height] = {
    "cliff": lambda f: 330 if f.models and f.main.main else None,
    "divergence": lambda f: 230 if f.models and f.main.diverged else None,
    "crossings": lambda f: 80 + 26 * min(len(f.crossings.rows), 10) if f.crossings else None,
    "targets": lambda f: 320 if f.models and f.main.heat else None,
    "network": lambda f: 340 if f.models and f.main.parts else None,
    "ranking": lambda f: 110 + 50 * len(f.ranked_targets) if f.shared_rankings else None,
    "comparison": lambda f: 60 + 24 * min(len(f.comparison.cells), 50) if f.comparison else None,
    "kinds": lambda f: 270 if f.models and f.main.kinds else None,
    "breaks": lambda f: 270 if f.breaks else None,
    "speed": lambda f: 240 if f.models and f.main.speed else None,
    "bytes": lambda f: 340 if f.storage else None,
    "criteria": lambda f: 300 if f.further.criteria else None,
    "effort": lambda f: 230 if f.further.criteria and f.further.criteria[0].priced else None,
    "rounding": lambda f: 240 if f.further.roundings else None,
    "recovery": lambda f: 270 if f.further.courses else None,
    "structure": lambda f: 300 if f.further.structures else None,
    "map": lambda f: 130 + 20 * len(f.further.maps[0].parts) if f.further.maps else None,
    "ticket": lambda f: 330 if f.tickets and f.tickets[0].matching else None,
    "survivors": lambda f: 130 + 20 * len(s.parts) if f.tickets and (s := f.tickets[0].survivors) else None,
    "early": lambda f: 380 if "ticket_read_early" in f.claims else None,
}


def build_page(facts: Facts) -> bytes:
    """The results page of a study, as UTF-8; the same facts and theme give the same bytes.

    Raises:
        FormatError, jinja2.UndefinedError, KeyError: a template is at fault.
        InputError: the theme's logo cannot be read.
    """
    colours = palette()
    heights = {name: height for name, of in HEIGHTS.items() if (height := of(facts)) is not None}

    def drawn(name: str, title: Markup, description: Markup) -> Markup:
        svg = draw_svg(name, WIDTH, heights[name], facts, FIGURE_STYLE)
        return inline(svg, name, title.striptags(), description.striptags(), colours)

    style = f"{font_faces()}\n{_variables(colours)}\n{_file('style.css')}"
    script = _file("page.js")
    context: dict[str, Any] = {"facts": facts, "figures": frozenset(heights), "drawn": drawn, "rules": RULES}
    context |= _of_models(facts) if facts.models else {"utterances": ()}
    context |= {"raw": raw, "tint": tint, "logo": _logo()}
    context |= {"style": Markup(style), "script": Markup(script), "policy": _policy(style, script)}
    return render("page/page.html.j2", context, medium=HTML).encode()


def _of_models(facts: Facts) -> dict[str, Any]:
    """What the sections on models that were pruned when they were finished read beside the facts."""
    recorded = read_recorded()
    return {
        "recorded": recorded,
        "beside": beside(recorded, facts.cells),
        "mass_factors": MASS_FACTORS,
        "grouped": GROUPED,
        "utterances": selection(facts.main.utterances, MOST_SAMPLES, facts.headline.marked if facts.headline else ()),
    }


def raw(value: object) -> Markup:
    """A number in full, for a table to be sorted by; empty where it was not measured or does not exist."""
    if value is None or isinstance(value, NotMeasured):
        return Markup("")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FormatError(f"a table cannot be sorted by {value!r}")
    return Markup(repr(value))


def tint(value: object, worst: float) -> Markup:
    """The class of a ratio's cell: its background is the darker, the more harm."""
    share = harm(value, worst)
    return Markup("missing" if share is None else f"shade-{round(share * SHADES)}")


def _file(name: str) -> str:
    return (TEMPLATES / "page" / name).read_text(encoding="utf-8")


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
