"""The Jinja environment of the reports: what is undefined, unformatted or uncited stops the build."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from suite.analysis.values import NotMeasured
from suite.paths import TEMPLATES
from suite.report.bibliography import Citations
from suite.report.format import FILTERS, FormatError, Missing, shade
from suite.report.glyphs import clip, shorten
from suite.report.medium import RML, Medium
from suite.report.theme import theme


class Compiled(jinja2.BytecodeCache):
    """The templates this process has compiled: a poster is rendered ten times until it fits, each time in a new
    environment. An entry holds the checksum of its source, so a template that changes is compiled again."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        if bucket.key in self._known:
            bucket.bytecode_from_string(self._known[bucket.key])

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        self._known[bucket.key] = bucket.bytecode_to_string()


@cache
def _compiled(_medium: Medium) -> Compiled:
    """Jinja sets constants when it compiles, so what one medium compiled another cannot use."""
    return Compiled()


def finalizer(medium: Medium) -> Callable[[object], object]:
    """The last word on every `{{ }}`: text is made printable, and a value nobody formatted is a fault.

    What it returns raises FormatError where a float, None, a truth value or a result that was not measured came
    without a filter.
    """

    def finalize(value: object) -> object:
        if isinstance(value, Markup):
            return value
        if isinstance(value, Missing):
            return medium.missing(value.reason)
        if isinstance(value, str):
            return medium.printable(value)
        if isinstance(value, float | bool | NotMeasured) or value is None:
            raise FormatError(f"{value!r} reached the page without a filter that says how it is printed")
        return value

    return finalize


def environment(templates: Path = TEMPLATES, medium: Medium = RML) -> jinja2.Environment:
    """Strict, escaping, and with the filters of `format` and the medium; a new one for each document it numbers."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalizer(medium),
        bytecode_cache=_compiled(medium),
    )
    citations = Citations(medium)
    env.filters |= FILTERS
    env.filters |= {"clip": clip, "shorten": shorten}
    env.filters |= {"printable": medium.printable, "verbatim": medium.verbatim, "plain": medium.plain}
    env.filters |= {"marked": medium.marked}
    env.tests["measured"] = lambda value: not isinstance(value, NotMeasured)
    env.globals |= {
        "theme": theme(),
        "shade": shade,
        "cite": citations.cite,
        "references": citations.references,
    }
    return env


def render(template: str, context: dict[str, Any], templates: Path = TEMPLATES, medium: Medium = RML) -> str:
    """The RML or HTML of a document.

    Raises:
        jinja2.UndefinedError, MissingResultError, FormatError, KeyError: the template asks for what is not there.
    """
    return environment(templates, medium).get_template(template).render(**context)
