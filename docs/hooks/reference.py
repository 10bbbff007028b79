"""A JSON schema as Markdown: a heading and a table for each object, field by field.

The words of a field stand in `fields.yaml`; a field without words there is one that its object's description names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

Schema = Mapping[str, Any]
SIZES = {"minimum": "from {}", "exclusiveMinimum": "above {}", "maximum": "at most {}", "exclusiveMaximum": "below {}"}
FAR = 1e9  # bounds beyond it, or as close to 0, keep numbers sane and tell a reader nothing
WORDS = Path(__file__).with_name("fields.yaml")


@cache
def words() -> dict[str, str]:
    """What each field means, by `Object.field`."""
    found: dict[str, str] = yaml.safe_load(WORDS.read_text(encoding="utf-8"))
    return found


def manifest_reference() -> str:
    """The keys of a manifest: of the study, of a grid, and of whatever these hold."""
    from suite.manifest.schema import Manifest

    schema = Manifest.model_json_schema()
    objects: dict[str, Schema] = schema["$defs"]
    study, grid = schema["properties"], objects["Grid"]["properties"]
    own = {key: value for key, value in study.items() if key not in grid or value != grid[key]}
    heads = [
        _section("Manifest", {**schema, "properties": own}, "study", "The study", schema["required"]),
        _section("Grid", objects["Grid"], "grid", "A grid, and the defaults of every grid", ()),
    ]
    rest = [name for name in _reached(schema, objects) if name != "Grid"]
    return "\n\n".join([*heads, *(_object(name, objects[name]) for name in rest)])


def record_reference() -> str:
    """The fields of a record, section by section in the order in which a file has them."""
    from suite.records.schema import Record

    schema = Record.model_json_schema(mode="serialization")
    objects: dict[str, Schema] = schema["$defs"]
    rest = [_object(name, objects[name]) for name in _reached(schema, objects)]
    return "\n\n".join([_section("Record", schema, "record", "The record", ()), *rest])


def column_reference() -> str:
    """The columns of `lottery records --csv` and where in a record each comes from."""
    from suite.records.columns import COLUMNS

    lines = [f"| `{column.name}` | {column.kind.value} | `{column.path}` |" for column in COLUMNS.values()]
    return "\n".join(["| column | holds | field |", "| --- | --- | --- |", *lines])


def _words(name: str, key: str) -> str:
    return words().get(f"{name}.{key}") or words().get(key, "")


def _object(name: str, schema: Schema) -> str:
    return _section(name, schema, _anchor(name), _title(name), schema.get("required", ()))


def _section(name: str, schema: Schema, anchor: str, title: str, required: Iterable[str]) -> str:
    rows = [_row(name, key, value, key in required) for key, value in schema.get("properties", {}).items()]
    table = ["| key | holds | default | |", "| --- | --- | --- | --- |", *rows]
    return "\n\n".join([f"### {title} {{ #{anchor} }}", schema.get("description", "").strip(), "\n".join(table)])


def _row(name: str, key: str, value: Schema, required: bool) -> str:
    default = "required" if required else ""
    if (standard := value.get("default")) is not None and not isinstance(standard, dict):
        default = _value(standard[0] if isinstance(standard, list) and len(standard) == 1 else standard)
    said = _words(name, key)
    return f"| `{key}` | {_kind(value)} | {default} | {said} |"


def _kind(value: Schema) -> str:
    """What a field holds, in words."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[{_title(name).lower()}](#{_anchor(name)})"
    for key in ("anyOf", "oneOf", "allOf"):
        if key in value:
            return _either(value[key])
    if "const" in value:
        return _value(value["const"])
    if "enum" in value:
        return ", ".join(map(_value, value["enum"]))
    kind = value.get("type")
    if kind == "array":
        if "prefixItems" in value:
            return "list of " + ", ".join(_kind(one) for one in value["prefixItems"])
        return f"list of {_kind(value.get('items', {}))}"
    if kind == "object":
        held = value.get("additionalProperties")
        return f"mapping to {_kind(held)}" if isinstance(held, Mapping) else "mapping"
    sizes = [said.format(f"{value[key]:g}") for key, said in SIZES.items() if _telling(value.get(key))]
    plain = {"integer": "whole number", "string": "text", "boolean": "true or false", "null": "null"}
    return ", ".join([plain.get(str(kind), str(kind or "anything")), *sizes])


def _value(value: object) -> str:
    """As YAML has it, where `none` stands for nothing."""
    return f"`{value if isinstance(value, str) and value else 'none' if value is None else json.dumps(value)}`"


def _either(branches: Iterable[Schema]) -> str:
    """Alternatives; a value and the list of such values are said in one."""
    kinds = list(dict.fromkeys(_kind(one) for one in branches if one.get("type") != "null"))
    lists = [kind for kind in kinds if kind.startswith("list of ")]
    if len(lists) == 1 and len(kinds) > 1:
        kinds = [*(kind for kind in kinds if kind not in lists), "a list"]
    return "; or ".join(kinds)


def _telling(bound: object) -> bool:
    return isinstance(bound, int | float) and (bound == 0 or 1 / FAR < abs(bound) < FAR)


def _reached(schema: Schema, objects: Mapping[str, Schema]) -> list[str]:
    """The objects in the order in which a reader meets them, depth first."""
    found: list[str] = []

    def visit(node: object) -> None:
        for name in _references(node):
            if name not in found:
                found.append(name)
                visit(objects[name])

    visit(schema.get("properties", {}))
    return found


def _references(node: object) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(reference := node.get("$ref"), str):
            yield reference.rpartition("/")[2]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _title(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removesuffix("Entry"))
    return spaced.capitalize()


def _anchor(name: str) -> str:
    return _title(name).lower().replace(" ", "-")
