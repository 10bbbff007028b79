"""The Jinja environment of the reports: what is undefined, unformatted or uncited stops the build."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from jinja2.bccache import Bucket
from jinja2.runtime import Context
from markupsafe import Markup

from suite.analysis.values import NotMeasured
from suite.paths import TEMPLATES
from suite.report import words
from suite.report.bibliography import Citations
from suite.report.format import FILTERS, FormatError, Missing, shade
from suite.report.glyphs import clip
from suite.report.medium import RML, Medium
from suite.report.theme import theme

SETTINGS: dict[str, Any] = {
    "autoescape": True,
    "trim_blocks": True,
    "lstrip_blocks": True,
    "undefined": jinja2.StrictUndefined,
    "optimized": False,  # what is compiled is then the template's alone: no filter, font or theme has a part in it
}


class Compiled(jinja2.FileSystemBytecodeCache):
    """The suite's templates as they were compiled, in a folder of the user's own beside other temporary files: to
    compile them takes longer than to fill them in. An entry holds the checksum of its source and of the settings."""

    def __init__(self) -> None:
        super().__init__(pattern=f"lottery-{jinja2.__version__}-%s")

    def get_source_checksum(self, source: str) -> str:
        return super().get_source_checksum(f"{SETTINGS}{source}")

    def dump_bytecode(self, bucket: Bucket) -> None:
        with contextlib.suppress(OSError):  # a disk that is full, or may not be written
            super().dump_bytecode(bucket)


@cache
def _compiled() -> Compiled | None:
    try:
        return Compiled()
    except (OSError, RuntimeError):  # there is no such folder, or it is somebody else's
        return None


def finalizer(medium: Medium) -> Callable[[Context, object], object]:
    """The last word on every `{{ }}`: text is made printable, and a value nobody formatted is a fault.

    What it returns raises FormatError where a float, None, a truth value or a result that was not measured came
    without a filter.
    """

    @jinja2.pass_context  # so that no constant is set when it is compiled, which would be for this medium alone
    def finalize(_: Context, value: object) -> object:
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
        finalize=finalizer(medium),
        bytecode_cache=_compiled() if templates == TEMPLATES else None,
        **SETTINGS,
    )
    citations = Citations(medium)
    env.filters |= FILTERS
    env.filters |= {"clip": clip, **words.FILTERS}
    env.filters |= {"printable": medium.printable, "verbatim": medium.verbatim, "plain": medium.plain}
    env.filters |= {"marked": medium.marked}
    env.tests["measured"] = lambda value: not isinstance(value, NotMeasured)
    env.globals |= {
        "theme": theme(),
        "shade": shade,
        "cite": citations.cite,
        "references": citations.references,
        **words.GLOBALS,
    }
    return env


def render(template: str, context: dict[str, Any], templates: Path = TEMPLATES, medium: Medium = RML) -> str:
    """The RML or HTML of a document.

    Raises:
        jinja2.UndefinedError, MissingResultError, FormatError, KeyError: the template asks for what is not there.
    """
    return environment(templates, medium).get_template(template).render(**context)
