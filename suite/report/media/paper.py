"""The paper, of at most twelve pages, and its supplement, which holds every table and record. US letter."""

from __future__ import annotations

from functools import partial
from itertools import groupby
from typing import Any

from markupsafe import Markup

from suite.analysis.facts import Facts
from suite.analysis.resources import resources
from suite.paths import MANIFESTS
from suite.report import tables
from suite.report.contents import Contents
from suite.report.drawing import draw
from suite.report.figures.style import Style
from suite.report.medium import RML
from suite.report.pdf import Pdf, build
from suite.report.theme import theme
from suite.report.wording import Wording

COLUMN, PAGE = 243.0, 504.0  # points: the widths of a column, and of both
FIGURE_LINE = 1.25  # points
TALLEST_HEAD = 640.0  # points; the head is measured once on a page that leaves it this much
FINDINGS = 3  # in the abstract, beside the answer
FINDING_WORDS = 90  # of all of them together, so that the abstract stays within 200


def build_paper(contents: Contents) -> Pdf:
    """The paper of a study: two columns, summaries alone.

    Raises:
        LayoutOverflowError: something is too large for a column.
        RmlError, FormatError, jinja2.UndefinedError: a template is at fault.
    """

    def filled(head: float, only_head: bool) -> Pdf:
        words = Wording(contents, RML, "paper")
        context = {"table_of": partial(_table, words, COLUMN), "head": head, "only_head": only_head}
        context |= {"findings": _findings(words), **_repeat(contents.facts)}
        return build(words.render("media/paper.rml.j2", **context), _drawn(contents))

    trial = filled(TALLEST_HEAD, only_head=True)
    return filled(TALLEST_HEAD * trial.fills["head"] + 2, only_head=False)


def build_supplement(contents: Contents) -> Pdf:
    """What the paper has no room for: every table, the other figures, the manifests word for word, every record.

    Raises: as `build_paper`.
    """
    words = Wording(contents, RML, "supplement")
    facts = contents.facts
    context = {
        "table_of": partial(_table, words, PAGE),
        "manifests": [(study, list(map(_indented, study.manifest.splitlines()))) for study in facts.studies],
        "records": [
            (name, list(cells))
            for family in facts.families
            for name, cells in groupby(family.cells, key=lambda cell: cell.model)
        ],
        "resources": resources(model for family in facts.families for model in family.models),
        "trainings": [search for family in facts.families for search in family.tickets],
    }
    return build(words.render("media/supplement.rml.j2", **context), _drawn(contents))


def _findings(words: Wording) -> list[Markup]:
    """What the abstract tells beside the answer: the macro `finding` of the first sections that have one."""
    contents = words.contents
    found: list[Markup] = []
    count, words_left, headed = 0, FINDING_WORDS, False
    for shown in contents.sections:
        said = words.said(shown, "finding")
        if not said or count == FINDINGS or (words_left := words_left - len(said.split())) < 0:
            continue
        if contents.of_small_models(shown) and not headed:
            found.append(Markup("Among the small models:"))
            headed = True
        found.append(said)
        count += 1
    return found


def _drawn(contents: Contents) -> Any:
    style = Style(size=theme().sizes.paper.figure, line=FIGURE_LINE)
    return partial(draw, contents=contents, style=style)


def _table(words: Wording, width: float, shown: Any, table: Any) -> Any:
    size = theme().sizes.paper.table
    most = table.most if width == COLUMN else None
    return tables.rml(table, shown.found, width, size, most)


def _repeat(facts: Facts) -> dict[str, Any]:
    """What it takes to repeat the study: commands, and where results to compare with lie."""
    names = [study.name for study in facts.studies] or ["STUDY"]
    first = names[0]
    return {
        "commands": [
            "make setup",
            f".venv/bin/lottery run manifests/{first}.yaml",
            f".venv/bin/lottery compare results/{first} {_theirs(first)}",
        ],
        "more": len(names) - 1,
    }


def _theirs(study: str) -> str:
    """Where the results of a study to compare with lie: those that ship, or another's."""
    shipped = (MANIFESTS / "reference" / study).is_dir()
    return f"manifests/reference/{study}" if shipped else f"THEIRS/{study}"


def _indented(line: str) -> tuple[int, str]:
    """A line of a file: by how many spaces it is indented, and the rest of it."""
    return len(line) - len(line.lstrip(" ")), line.strip()
