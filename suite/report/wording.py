"""The words of a document's sections, in its medium's markup: templates filled in, figures and tables referred to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import jinja2
from markupsafe import Markup

from suite import protocol
from suite.analysis.values import Claim, Verdict
from suite.report.contents import Contents, Shown
from suite.report.medium import Medium
from suite.report.section import Figure, Table
from suite.report.templating import environment

SPACES = re.compile("[ \n]+")  # not those that keep a number and its unit together
Document = Literal["poster", "paper", "supplement", "page"]
COLOURS = {
    Verdict.HOLDS: "coherent",
    Verdict.MOSTLY: "coherent",
    Verdict.MIXED: "degraded",
    Verdict.FAILS: "incoherent",
    Verdict.UNKNOWN: "mute",
}


class Wording:
    """The words of one document.

    The paper and the poster have some figures and tables, numbered from 1. The supplement has the other figures and all
    tables, numbered from S1; the page has everything.
    """

    def __init__(self, contents: Contents, medium: Medium, document: Document) -> None:
        self.contents, self.medium = contents, medium
        every_figure = [figure for shown in contents.sections for figure in shown.figures]
        every_table = [table for shown in contents.sections for table in shown.tables]
        printed = (
            _numbers([figure.key for figure in every_figure if figure.paper or document == "page"]),
            _numbers([table.key for table in every_table if table.paper or document == "page"]),
        )
        others = (
            _numbers([figure.key for figure in every_figure if not figure.paper], "S"),
            _numbers([table.key for table in every_table], "S"),
        )
        own, self._elsewhere = (others, printed) if document == "supplement" else (printed, others)
        self.figures, self.tables = own
        self.env = environment(medium=medium)
        self.env.globals |= {
            "contents": contents,
            "facts": contents.facts,
            "claims": contents.claims,
            "protocol": protocol,
            "figure": lambda key: self._reference("figure", key),
            "table": lambda key: self._reference("table", key),
            "brief": brief,
        }
        self.env.globals["hero"] = self.env.get_template("hero.j2").make_module()

    def said(self, shown: Shown, macro: str, *args: Any) -> Markup:
        """What a macro of a section's words says, on one line; nothing where there is no such macro."""
        found = getattr(self._module(shown), macro, None)
        return Markup(SPACES.sub(" ", found(*args)).strip(" ")) if found else Markup("")

    def caption(self, shown: Shown, of: Figure[Any] | Table[Any, Any]) -> Markup:
        """The caption of a figure or a table."""
        kind = "figure" if isinstance(of, Figure) else "table"
        said = self.said(shown, f"{kind}_{of.key}")
        if not said:
            where = shown.section.words or f"templates/sections/{shown.key}.j2"
            raise KeyError(f"{where} has no caption `{kind}_{of.key}`")
        return said

    def number(self, of: Figure[Any] | Table[Any, Any]) -> str:
        return (self.figures if isinstance(of, Figure) else self.tables)[of.key]

    def claim(self, claim: Claim) -> Markup:
        """A claim as a sentence: what was claimed, its verdict, and the evidence."""
        verdict = self.medium.verdict(claim.verdict.value, COLOURS[claim.verdict])
        printable = self.medium.printable
        return Markup("{}: {}, {}.").format(printable(claim.statement), verdict, printable(claim.evidence))

    def render(self, template: str, **context: Any) -> str:
        """A document's frame, filled in."""
        return self.env.get_template(template).render(words=self, **context)

    def _reference(self, kind: str, key: str) -> Markup:
        own, others = (self.figures, self._elsewhere[0]) if kind == "figure" else (self.tables, self._elsewhere[1])
        word = kind.capitalize()
        if key in own:
            return self.medium.link(f"{kind}-{key}", f"{word}\u00a0{own[key]}")
        return self.medium.printable(f"{word}\u00a0{others[key]}")

    @cached_property
    def _modules(self) -> dict[str, Any]:
        return {}

    def _template(self, shown: Shown) -> jinja2.Template:
        if (words := shown.section.words) is not None:
            return self.env.from_string(words.read_text(encoding="utf-8"))
        return self.env.get_template(f"sections/{shown.key}.j2")

    def _module(self, shown: Shown) -> Any:
        if shown.key not in self._modules:
            try:
                template = self._template(shown)
            except jinja2.TemplateNotFound:
                raise KeyError(f"section {shown.key!r} has no words: templates/sections/{shown.key}.j2") from None
            own = {claim.name: claim for claim in shown.claims}
            context = {"found": shown.found, "facts": shown.facts, "claims": own}
            self._modules[shown.key] = template.make_module(context)
        return self._modules[shown.key]


def brief(claim: Claim) -> str:
    """A claim's evidence in a few words, as a sentence."""
    said = claim.short or claim.evidence
    return f"{said[0].upper()}{said[1:]}."


def _numbers(keys: list[str], prefix: str = "") -> Mapping[str, str]:
    return {key: f"{prefix}{number}" for number, key in enumerate(keys, start=1)}
