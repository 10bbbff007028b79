"""Read a YAML file into a pydantic model; whatever is wrong is told with file, line and column."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from suite.errors import InputError

Where = tuple[str | int, ...]  # a path into the document: ("experiments", 0, "sparsity")
Model = TypeVar("Model", bound=BaseModel)
LONGEST = 100_000  # characters: no file that people write comes near it, and a longer one takes seconds to parse
MOST_VALUES = 20_000  # with its aliases written out: nine lines of them can stand for billions of values
DEEPEST = 50
COLLECTIONS = ("tag:yaml.org,2002:seq", "tag:yaml.org,2002:map")


class Positions:
    """Where each value of a document stands, as `file:line:column`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._marks: dict[Where, yaml.Mark] = {}

    def note(self, where: Where, mark: yaml.Mark) -> None:
        self._marks.setdefault(where, mark)

    def at(self, where: Where) -> str:
        """The position of the value, or of the nearest one around it.

        A value that stands alone where a list could is read as a list of one: its index is not in the document.
        """
        found: Where = ()
        for step in where:
            if (*found, step) in self._marks:
                found = (*found, step)
            elif not isinstance(step, int):
                break
        mark = self._marks.get(found)
        return f"{self.path}:{mark.line + 1}:{mark.column + 1}" if mark else str(self.path)


def read(path: Path) -> str:
    """The text of a YAML file.

    Raises:
        InputError: the file is not there, is no text, or is longer than anybody writes.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LONGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InputError(f"cannot read {path}: {reason}") from error
    if len(text) > LONGEST:
        raise InputError(f"{path} has more than the {LONGEST:,} characters that are read; split it")
    return text


def load(path: Path) -> tuple[Any, Positions]:
    """The plain data of a YAML file, and its positions.

    Raises:
        InputError: see `read` and `understand`.
    """
    return understand(read(path), path)


def understand(text: str, path: Path) -> tuple[Any, Positions]:
    """The plain data of YAML, and its positions in the file it was read from.

    Raises:
        InputError: it is not YAML, has a key twice, or is larger or deeper than anybody writes.
    """
    positions = Positions(path)
    try:
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            data = None if node is None else _build(loader, node, (), positions, itertools.count())
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise InputError(f"{where}: this is not YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InputError(f"{path}: this is not YAML: {' '.join(str(error).split())[:200]}") from error
    return data, positions


def _build(
    loader: yaml.SafeLoader, node: yaml.Node, where: Where, positions: Positions, built_so_far: Iterator[int]
) -> Any:
    if len(where) > DEEPEST:
        raise InputError(f"{_mark(positions, node)}: the document is nested more than {DEEPEST} deep")
    if next(built_so_far) > MOST_VALUES:
        raise InputError(f"{_mark(positions, node)}: the document holds more than {MOST_VALUES:,} values")
    positions.note(where, node.start_mark)
    if isinstance(node, yaml.CollectionNode) and node.tag not in COLLECTIONS:
        raise InputError(f"{_mark(positions, node)}: the tag {node.tag!r} is not known here; leave it out")
    if isinstance(node, yaml.SequenceNode):
        return [_build(loader, child, (*where, i), positions, built_so_far) for i, child in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        built: dict[Any, Any] = {}
        for key_node, child in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise InputError(f"{_mark(positions, key_node)}: a key must be a plain word")
            key = _whole(key_node, key_node.value, positions)
            if key in built:
                raise InputError(f"{_mark(positions, key_node)}: {key!r} is given twice; keep one of them")
            positions.note((*where, key, "(key)"), key_node.start_mark)
            built[key] = _build(loader, child, (*where, key), positions, built_so_far)
        return built
    try:
        value = loader.construct_object(node, deep=True)
    except (ValueError, LookupError, AttributeError) as error:  # PyYAML's own, of `!!bool x`, `!!int ""`, 2026-13-45
        kind = node.tag.rpartition(":")[2]
        raise InputError(f"{_mark(positions, node)}: {node.value!r} cannot be read as !!{kind}") from error
    if isinstance(value, int) and value.bit_length() > 64:  # Python cannot even print the largest
        raise InputError(f"{_mark(positions, node)}: a number of {value.bit_length()} bits is beyond anything meant")
    return _whole(node, value, positions) if isinstance(value, str) else value


def _whole(node: yaml.Node, text: str, positions: Positions) -> str:
    """The text, unless an escape in it stands for half a character, which nothing can print."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{_mark(positions, node)}: {text!r} holds half a character; write it whole") from error
    return text


def _mark(positions: Positions, node: yaml.Node) -> str:
    return f"{positions.path}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"


def parse(model: type[Model], data: Any, positions: Positions, what: str) -> Model:
    """Validate a document; the first thing that is wrong is told, with its place and what was meant.

    Raises:
        InputError: the document does not fit the model.
    """
    if not isinstance(data, dict):
        found = "nothing" if data is None else f"a {type(data).__name__}"
        raise InputError(f"{positions.path}: {what} is a list of `key: value` pairs, and this file holds {found}")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise InputError(_explain(error, data, model, positions)) from error


def _explain(error: ValidationError, data: Any, model: type[BaseModel], positions: Positions) -> str:
    problems = error.errors(include_url=False)
    first = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    keys = _all_keys(data)
    where = tuple(step for step in first["loc"] if isinstance(step, int) or step in keys)  # not a union's branch
    at, message = positions.at(where), first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":  # our own validators say it all
        return f"{at}: {message}"
    name = str(first["loc"][-1])
    if first["type"] == "extra_forbidden":
        known = _known_keys(model, first["loc"])
        close = difflib.get_close_matches(name, known, n=1)
        meant = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(known)}"
        return f"{positions.at((*where, '(key)'))}: unknown key {name!r}; {meant}"
    if first["type"] == "missing":
        return f"{at}: the key {name!r} is missing"
    key = next((step for step in reversed(where) if isinstance(step, str)), "the document")
    found = first.get("input")
    shown = f", and found {found!r}" if isinstance(found, str | int | float | bool | None) else ""
    return f"{at}: {key}: {message[0].lower() + message[1:]}{shown}"


def _all_keys(data: Any) -> set[str]:
    if isinstance(data, dict):
        return set(data) | {key for value in data.values() for key in _all_keys(value)}
    if isinstance(data, list):
        return {key for value in data for key in _all_keys(value)}
    return set()


def _known_keys(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    """The keys a model knows at the place of an unknown one."""
    schema = model.model_json_schema(by_alias=True)
    node: dict[str, Any] = schema
    definitions = schema.get("$defs", {})
    for step in loc[:-1]:
        for candidate in _branches(node, definitions):
            if isinstance(step, int) and "items" in candidate:
                node = candidate["items"]
                break
            if step in candidate.get("properties", {}):
                node = candidate["properties"][step]
                break
            if step == candidate.get("title"):
                node = candidate
                break
    return [key for candidate in _branches(node, definitions) for key in candidate.get("properties", {})]


def _branches(node: dict[str, Any], definitions: dict[str, Any]) -> list[dict[str, Any]]:
    if "$ref" in node:
        node = definitions[node["$ref"].rpartition("/")[2]]
    options = [branch for key in ("anyOf", "oneOf") for branch in node.get(key, [])]
    return [leaf for option in options for leaf in _branches(option, definitions)] or [node]
