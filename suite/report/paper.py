"""The paper: US letter, two columns. What is numbered, and the height of its head, are decided here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Any, TypeVar

from suite.analysis.cells import Cell
from suite.analysis.facts import Facts
from suite.analysis.mass import orders_by_mass
from suite.analysis.patterns import GROUPED
from suite.analysis.recorded import beside, read_recorded
from suite.analysis.resources import resources
from suite.analysis.samples import selection
from suite.analysis.targets import target_table
from suite.analysis.ticket.facts import TicketFacts
from suite.analysis.values import NotMeasured
from suite.paths import MANIFESTS
from suite.protocol import CLEAR_LOSS, MASS_FACTORS
from suite.report.figures import draw
from suite.report.figures.style import Style
from suite.report.numbering import figures_of, sized, tables_of
from suite.report.pdf import Pdf, build
from suite.report.rules import RULES
from suite.report.templating import render
from suite.report.theme import theme

T = TypeVar("T")

FIGURE_LINE = 1.25  # points
MOST_SAMPLES = 8
MOST_KINDS = 8  # columns of the table of kinds
MOST_ROWS, MOST_GROUPS = 36, 6  # of a table on the search for a ticket
TALLEST_HEAD = 640.0  # points; the head is measured once on a page that leaves it this much


def build_paper(facts: Facts) -> Pdf:
    """The paper of a study.

    Raises:
        LayoutOverflowError: something is too large for a column.
        RmlError, FormatError, jinja2.UndefinedError: a template is at fault.
    """
    context = {"facts": facts, "figures": figures_of(facts), "tables": tables_of(facts), "rules": RULES}
    context |= {"altered": frozenset(), "target_table": None, **_search(facts), **_repeat(facts)}
    if facts.models:
        context |= _results(facts) | _further(facts) | _first_study(facts)
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
        "sized": sized(main),
        "utterances": selection(main.utterances, MOST_SAMPLES, facts.headline.marked if facts.headline else ()),
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


def _search(facts: Facts) -> dict[str, Any]:
    """The rows of the tables on the search for a ticket, thinned where a column of the paper has no room for all."""
    found = facts.tickets[0] if facts.tickets else None
    rivals = found.rivals if found else ()
    compared = [row for row in rivals if row.arm != "learning-rate-rewinding"] or rivals  # that one runs at every level
    rewinds = sorted({row.rewind for row in compared})[:MOST_GROUPS]
    early = found.early[:MOST_GROUPS] if found else ()
    return {
        "levels_of": _levels,
        "ahead": [(rewind, _levels((r for r in compared if r.rewind == rewind), len(rewinds))) for rewind in rewinds],
        "read_early": [(one, _thinned(one.rows, MOST_ROWS // len(early))) for one in early],
        "learnt": sorted({text for search in facts.tickets for text in _texts(search)}),
    }


def _texts(search: TicketFacts) -> Iterator[tuple[str, str, str]]:
    """Name, hash and the tokenizer's hash of the text that networks are examined on; and of that they learn from."""
    yield search.text, search.examined.text_sha256, search.examined.tokenizer_sha256
    if search.recipe:
        yield search.recipe.text.name, search.recipe.text.revision.removeprefix("sha256:"), ""


def _levels(rows: Iterable[Any], groups: int = 1) -> list[tuple[int, float]]:
    """Levels that there is a row of, each with the share that remains, the densest first, for a table of so many
    groups of rows."""
    return _thinned(sorted({row.level: row.remaining for row in rows}.items()), MOST_ROWS // groups)


def _thinned(rows: Sequence[T], most: int) -> list[T]:
    return [rows[index] for index in _spread(len(rows), most)]


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
