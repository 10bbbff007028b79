"""whole.py LONE [--part] OTHER: results folders of one study. Is the other one whole, complete unless it may be a
part, and to the bit what the first holds?

Reads the files themselves and not through the suite's store, whose promise is what is being tried.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from suite.records.experiment import digest
from suite.records.schema import Record

FAILED = ".failed.json"


def hidden(folder: Path) -> set[str]:
    return {path.name for path in folder.glob(".*")}


def read(folder: Path) -> dict[str, bytes]:
    """The files of records, by their names.

    Raises:
        ValueError: one of them is not whole; or something else is there that is not hidden.
    """
    paths = [path for path in folder.iterdir() if not path.name.startswith(".")]
    found = {path.name: path.read_bytes() for path in sorted(paths)}
    for name, content in found.items():
        if wrong := _wrong(name, content):
            raise ValueError(f"{folder / name}: {wrong}")
    found.pop("plan.json", None)
    return found


def _wrong(name: str, content: bytes) -> str | None:
    """Why a file is neither a whole record under its own name nor the plan; None if it is one."""
    try:
        said = json.loads(content)
        if name == "plan.json":
            return None
        record = Record.model_validate_json(content)
    except ValueError as error:
        return f"{len(content)} bytes that are not a whole record: {error}"
    if said.pop("seal") != digest(said):
        return "not what was sealed"
    if name != record.experiment.id + (".json" if record.status == "done" else FAILED):
        return f"the record of {record.experiment.id}, {record.status}"
    return None


def difference(lone: dict[str, bytes], other: dict[str, bytes]) -> str | None:
    """How the records of a folder are not those of a run by itself, to the bit, in words; None where they are."""
    if other.keys() != lone.keys():
        return f"{len(lone.keys() - other.keys())} records are missing, {len(other.keys() - lone.keys())} too many"
    for name, content in lone.items():
        expected, found = (Record.model_validate_json(one).reproducible() for one in (content, other[name]))
        if apart := [key for key in expected if found.get(key) != expected[key]]:
            return f"{name}: other than in a run by itself: {', '.join(apart)}"
    return None


def main() -> str | None:
    """What does not hold, or None."""
    parser = argparse.ArgumentParser()
    parser.add_argument("lone", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("--part", action="store_true")
    asked = parser.parse_args()
    try:
        lone, other = read(asked.lone), read(asked.other)
    except ValueError as error:
        return str(error)
    if left := hidden(asked.other):
        return f"left behind in {asked.other}: {' '.join(sorted(left))}"
    if asked.part:
        other = {name: content for name, content in other.items() if not name.endswith(FAILED)}
        lone = {name: content for name, content in lone.items() if name in other}
    return difference(lone, other)


if __name__ == "__main__":
    sys.exit(main())
