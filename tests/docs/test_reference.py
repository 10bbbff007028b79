"""The references are those of the schemas: every key is there and has words, and no key is there that is gone."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import suite
from suite.manifest.schema import Manifest
from suite.records.columns import COLUMNS
from suite.records.schema import Record
from tests.docs.pages import DOCS

sys.path.insert(0, str(DOCS / "hooks"))
import pages
import reference

Schema = dict[str, Any]
BOTH = [
    pytest.param(reference.manifest_reference, "manifest.md", Manifest.model_json_schema(), id="manifest"),
    pytest.param(reference.record_reference, "records.md", Record.model_json_schema(mode="serialization"), id="record"),
]


def sections(made: str) -> dict[str, str]:
    """A reference by the anchors of its headings."""
    found = re.split(r"^### .* \{ #([a-z-]+) \}$", made, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


@pytest.mark.parametrize(("make", "page", "schema"), BOTH)
def test_every_key_of_the_schema_is_on_its_page(make: Callable[[], str], page: str, schema: Schema) -> None:
    shown = pages.on_page_markdown((DOCS / page).read_text(encoding="utf-8"))
    keys = {key for one in (schema, *schema["$defs"].values()) for key in one.get("properties", {})}
    assert keys and all(f"\n| `{key}` |" in shown for key in keys)
    assert "generated:" not in shown


@pytest.mark.parametrize(("make", "page", "schema"), BOTH)
def test_every_key_has_words(make: Callable[[], str], page: str, schema: Schema) -> None:
    for anchor, text in sections(make()).items():
        description, _, table = text.partition("| key |")
        silent = re.findall(r"^\| `(\w+)` .*\|\s*\|$", table, re.MULTILINE)
        lacking = [key for key in silent if f"`{key}`" not in description]
        assert not lacking, f"{anchor}: say what {lacking} mean in docs/hooks/fields.yaml or in the class's docstring"


@pytest.mark.parametrize(("make", "page", "schema"), BOTH)
def test_every_link_between_sections_leads_to_one(make: Callable[[], str], page: str, schema: Schema) -> None:
    made = make()
    assert set(re.findall(r"\]\(#([a-z-]+)\)", made)) <= set(sections(made))


def test_nothing_is_said_of_a_key_that_is_gone() -> None:
    known: dict[str, set[str]] = {}
    for name, schema in (("Manifest", BOTH[0].values[2]), ("Record", BOTH[1].values[2])):
        for owner, one in {name: schema, **schema["$defs"]}.items():  # type: ignore[dict-item]
            known.setdefault(owner, set()).update(one.get("properties", {}))
    every = set().union(*known.values())
    for field in reference.words():
        owner, _, key = field.rpartition(".")
        assert key in (known.get(owner, set()) if owner else every), f"docs/hooks/fields.yaml: {field}"


def test_every_column_is_on_the_page_of_records() -> None:
    made = reference.column_reference()
    assert all(f"| `{name}` |" in made for name in COLUMNS)


def test_every_public_name_of_the_library_says_what_it_is_and_stands_in_the_reference() -> None:
    page = (DOCS / "library.md").read_text(encoding="utf-8")
    for name in suite.__all__:
        public = getattr(suite, name)
        assert inspect.getdoc(public), name
        assert f"::: {public.__module__}.{name}\n" in page, name
        methods = vars(public).items() if inspect.isclass(public) else ()
        for method, value in methods:
            if not method.startswith("_") and (callable(value) or isinstance(value, property)):
                assert inspect.getdoc(value), f"{name}.{method}"


def test_the_navigation_has_every_page() -> None:
    navigation = (Path(DOCS).parent / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]
    named = set(re.findall(r"^ +- .*: (\S+\.md)$", navigation, re.MULTILINE))
    assert named == {page.name for page in DOCS.glob("*.md")}
