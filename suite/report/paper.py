"""The paper: US letter, two columns. What is numbered, and the height of its head, are decided here."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from suite.analysis import speed
from suite.analysis.facts import Facts
from suite.analysis.mass import MASS_FACTORS, orders_by_mass
from suite.analysis.points import FINEST
from suite.analysis.recorded import beside, read_recorded
from suite.analysis.samples import selection
from suite.evaluation.interval import BATCHES, FEWEST_WINDOWS, LEVEL
from suite.report.figures import draw
from suite.report.figures.style import Style
from suite.report.pdf import Pdf, build
from suite.report.templating import render

# The rules of measurement that the text states; the gate stands in suite/evaluation/gate.py, too heavy to import here.
RULES = {"level": LEVEL, "batches": BATCHES, "windows": FEWEST_WINDOWS, "finest": FINEST, "gate": 0.01}
FIGURE_STYLE = Style(size=7.6, line=1.25)
MOST_SAMPLES = 8
TALLEST_HEAD = 600.0  # points; the head is measured once on a page that leaves it this much


class Numbering:
    """Figures and tables count in the order they stand in the paper; text may refer to one before it comes."""

    def __init__(self, kind: str, keys: Iterable[str]) -> None:
        self.kind = kind
        self._keys = list(keys)

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def number(self, key: str) -> int:
        """Raises: KeyError: the study has no such figure or table, so nothing can refer to it."""
        if key not in self._keys:
            raise KeyError(f"there is no {self.kind} {key!r} in this paper, only {', '.join(self._keys) or 'none'}")
        return self._keys.index(key) + 1


def figures_of(facts: Facts) -> Numbering:
    """The figures this study has the records for."""
    main = facts.main
    pruned = main.main is not None
    diverged = [p.cells[0].kl for curve in (main.main, main.control) if curve for p in curve.points]
    present = {
        "cliff": pruned,
        "divergence": any(isinstance(kl, float) and kl > 0 for kl in diverged),
        "targets": main.heat is not None,
        "ranking": bool(facts.shared_rankings),
        "comparison": facts.comparison is not None,
        "kinds": main.kinds is not None,
        "breaks": bool(facts.breaks),
        "speed": main.speed is not None,
    }
    return Numbering("figure", (name for name, there in present.items() if there))


def tables_of(facts: Facts) -> Numbering:
    """The tables this study has the records for; a heat table for each model that has one."""
    keys = ["baselines"]
    keys += ["cliff"] if facts.main.main and len(facts.main.main.points) > 1 else []
    keys += ["crossings"] if sum(model.main is not None for model in facts.models) > 1 else []
    keys += [f"heat-{i}" for i, model in enumerate(facts.models) if model.heat]
    keys += ["ranking"] if facts.shared_rankings else []
    keys += ["mass"] if facts.main.removable and _located(facts) else []
    keys += ["orders"] if facts.comparison and "same_ranking" in facts.claims else []
    keys += ["kinds"] if facts.main.kinds else []
    keys += ["breaks"] if facts.breaks else []
    keys += ["speed"] if facts.main.speed else []
    return Numbering("table", [*keys, "audit", "recorded", "pins", "records"])


def _located(facts: Facts) -> bool:
    """Whether the study says where the weights that matter are."""
    return bool(facts.main.heat or facts.shared_rankings)


def build_paper(facts: Facts) -> Pdf:
    """The paper of a study.

    Raises:
        LayoutOverflowError: something is too large for a column.
        RmlError, FormatError, jinja2.UndefinedError: a template is at fault.
    """
    context: dict[str, Any] = {"facts": facts, "figures": figures_of(facts), "tables": tables_of(facts)}
    recorded = read_recorded()
    context |= {"recorded": recorded, "beside": beside(recorded, facts.cells)}
    context |= {"orders_by_mass": orders_by_mass(facts.main.name, facts.main.removable), "mass_factors": MASS_FACTORS}
    context |= {"rules": RULES, "speed_level": speed.LEVEL}
    context["utterances"] = selection(facts.main.utterances, MOST_SAMPLES, facts.headline.marked)
    figure = partial(draw, facts=facts, style=FIGURE_STYLE)
    trial = build(render("paper/paper.rml.j2", context | {"head": TALLEST_HEAD, "only_head": True}), figure)
    head = TALLEST_HEAD * trial.fills["head"] + 2
    return build(render("paper/paper.rml.j2", context | {"head": head, "only_head": False}), figure)
