"""The paper: US letter, two columns. What is numbered, and the height of its head, are decided here."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import groupby
from typing import Any

from suite.analysis.cells import Cell
from suite.analysis.facts import Facts
from suite.analysis.kinds import CLEAR_LOSS
from suite.analysis.mass import MASS_FACTORS, orders_by_mass
from suite.analysis.patterns import GROUPED
from suite.analysis.recorded import beside, read_recorded
from suite.analysis.resources import resources
from suite.analysis.samples import selection
from suite.analysis.targets import target_table
from suite.analysis.values import NotMeasured
from suite.paths import MANIFESTS
from suite.report.figures import draw
from suite.report.figures.style import Style
from suite.report.pdf import Pdf, build
from suite.report.rules import RULES
from suite.report.templating import render
from suite.report.theme import theme

FIGURE_LINE = 1.25  # points
MOST_SAMPLES = 8
MOST_KINDS = 8  # columns of the table of kinds
TALLEST_HEAD = 640.0  # points; the head is measured once on a page that leaves it this much


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
    """The figures this study has the records for, in the order of the text."""
    main, further = facts.main, facts.further
    present = {
        "cliff": main.main is not None,
        "divergence": main.diverged,
        "network": main.parts is not None and _located(facts),
        "targets": main.heat is not None,
        "ranking": bool(facts.shared_rankings),
        "map": bool(further.maps),
        "crossings": facts.crossings is not None,
        "comparison": facts.comparison is not None,
        "kinds": main.kinds is not None,
        "breaks": bool(facts.breaks),
        "criteria": bool(further.criteria),
        "effort": bool(further.criteria and further.criteria[0].priced),
        "rounding": bool(further.roundings),
        "recovery": bool(further.courses),
        "speed": main.speed is not None,
        "bytes": facts.storage is not None and bool(_sized(facts)),
        "structure": bool(further.structures),
    }
    return Numbering("figure", (name for name, there in present.items() if there))


def tables_of(facts: Facts) -> Numbering:
    """The tables this study has the records for, in the order of the text."""
    main, further = facts.main, facts.further
    present = {
        "models": True,
        "studies": bool(facts.studies),
        "claims": bool(facts.claims),
        "baselines": True,
        "cliff": main.main is not None and len(main.main.points) > 1,
        "targets": _located(facts) and target_table(facts.models) is not None,
        "ranking": bool(facts.shared_rankings),
        "mass": bool(main.removable) and _located(facts),
        "map": bool(further.maps),
        "crossings": facts.crossings is not None,
        "orders": (facts.comparison or facts.crossings) is not None and "same_ranking" in facts.claims,
        "kinds": main.kinds is not None,
        "breaks": bool(facts.breaks),
        "criteria": bool(further.criteria),
        "patterns": bool(further.patterns),
        "rounding": bool(further.roundings),
        "recovery": bool(further.recoveries),
        "speed": main.speed is not None,
        "costs": bool(_sized(facts)),
        "structure": bool(further.structures),
    }
    last = ["audit", "recorded", "resources", "pins", "records"]
    return Numbering("table", [*(name for name, there in present.items() if there), *last])


def _located(facts: Facts) -> bool:
    """Whether the study says where the weights that matter are."""
    return target_table(facts.models) is not None or bool(facts.shared_rankings)


def _sized(facts: Facts) -> list[Cell]:
    """The dense model and the points of the main curve whose file was written; empty where only one was."""
    main = facts.main
    cells = [main.dense] if isinstance(main.dense, Cell) else []
    cells += [point.cells[0] for point in (main.main.points if main.main else ())]
    found = [cell for cell in cells if not isinstance(cell.size, NotMeasured)]
    return found if len(found) > 1 else []


def build_paper(facts: Facts) -> Pdf:
    """The paper of a study.

    Raises:
        LayoutOverflowError: something is too large for a column.
        RmlError, FormatError, jinja2.UndefinedError: a template is at fault.
    """
    context = {"facts": facts, "figures": figures_of(facts), "tables": tables_of(facts), "rules": RULES}
    context |= _results(facts) | _further(facts) | _first_study(facts) | _repeat(facts)
    style = Style(size=theme().sizes.paper.figure, line=FIGURE_LINE)
    figure = partial(draw, facts=facts, style=style)
    trial = build(render("paper/paper.rml.j2", context | {"head": TALLEST_HEAD, "only_head": True}), figure)
    head = TALLEST_HEAD * trial.fills["head"] + 2
    return build(render("paper/paper.rml.j2", context | {"head": head, "only_head": False}), figure)


def _results(facts: Facts) -> dict[str, Any]:
    """What the sections of results read beside the facts."""
    main = facts.main
    quality = main.reference
    return {
        "graded": not isinstance(quality, NotMeasured) and quality.floor is not None,
        "target_table": target_table(facts.models),
        "orders_by_mass": orders_by_mass(main.name, main.removable),
        "mass_factors": MASS_FACTORS,
        "kind_columns": _spread(len(main.kinds.sparsities), MOST_KINDS) if main.kinds else [],
        "clear_loss": CLEAR_LOSS,
        "sized": _sized(facts),
        "utterances": selection(main.utterances, MOST_SAMPLES, facts.headline.marked),
    }


def _further(facts: Facts) -> dict[str, Any]:
    """What was done to models beyond plain pruning, for the method to say how."""
    asked = [cell.experiment for cell in facts.cells]
    altered: set[str] = {word for e in asked for word in (e.criterion, e.allocation, e.pattern) if word}
    altered |= {"N:M" for e in asked if e.pattern in GROUPED}
    altered |= {"precision" for e in asked if e.baseline_precision} | {"recovery" for e in asked if e.recovery}
    why_not = [row.kernels.why_not for row in facts.further.patterns if row.kernels]
    return {
        "altered": altered,
        "calibrations": sorted({e.calibration for e in asked if e.calibration}, key=repr),
        "trainings": sorted({e.recovery for e in asked if e.recovery}, key=lambda r: (r.tokens, repr(r))),
        "grouped": GROUPED,
        "unrun": next((reason for reason in why_not if reason), None),
    }


def _first_study(facts: Facts) -> dict[str, Any]:
    """What was recorded before this suite, and whether any of it was measured again."""
    recorded = read_recorded()
    columns = beside(recorded, facts.cells)
    measured = any(isinstance(column.measured, Cell) for column in columns)
    return {"recorded": recorded, "beside": columns, "measured_beside": measured}


def _repeat(facts: Facts) -> dict[str, Any]:
    """What it takes to repeat the study: commands, resources, manifests and records."""
    names = [study.name for study in facts.studies]
    run = ["make setup"]
    run += [f".venv/bin/lottery run {' '.join(f'manifests/{name}.yaml' for name in names or ['STUDY'])}"]
    run += [f".venv/bin/lottery report {' '.join(f'results/{name}' for name in names or ['STUDY'])}"]
    return {
        "run_commands": run,
        "compare_commands": [f".venv/bin/lottery compare results/{n} {_theirs(n)}" for n in names or ["STUDY"]],
        "resources": resources(facts.models),
        "manifests_of_studies": [(study, list(map(_indented, study.manifest.splitlines()))) for study in facts.studies],
        "record_groups": [(name, list(cells)) for name, cells in groupby(facts.cells, key=lambda cell: cell.model)],
    }


def _theirs(study: str) -> str:
    """Where the results of a study to compare with lie: those that ship, or another's."""
    shipped = (MANIFESTS / "reference" / study).is_dir()
    return f"manifests/reference/{study}" if shipped else f"THEIRS/{study}"


def _indented(line: str) -> tuple[int, str]:
    """A line of a file: by how many spaces it is indented, and the rest of it."""
    return len(line) - len(line.lstrip(" ")), line.strip()


def _spread(count: int, most: int) -> list[int]:
    """At most so many of `count` columns, evenly from the first to the last."""
    if count <= most:
        return list(range(count))
    return sorted({round(i * (count - 1) / (most - 1)) for i in range(most)})
