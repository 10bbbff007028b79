"""Records of the same cells held against each other: the same mask, the same loss in every window, to the last bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lottery import check


def records(folder: Path) -> dict[str, dict[str, Any]]:
    """The finished records of a study, by their ids."""
    paths = [path for path in folder.glob("*.json") if path.name != "plan.json"]
    found = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return {record["id"]: record for record in found if record["status"] == "done"}


def equal(mine: Path, theirs: Path, whole: bool = False) -> int:
    """How many cells of `mine` there are, all of them in `theirs` too and the same; `whole`: and no others there."""
    here, there = records(mine), records(theirs)
    check(here, f"{mine} holds no record")
    check(
        here.keys() == there.keys() if whole else here.keys() <= there.keys(), f"not the same cells: {mine}, {theirs}"
    )
    for id_, record in here.items():
        check(_measured(record) == _measured(there[id_]), f"{id_}: not the same in {mine} and {theirs}")
    return len(here)


def _measured(record: dict[str, Any]) -> tuple[Any, Any]:
    return (record["pruning"] or {}).get("mask_digest"), record["perplexity"]["nll_per_window"]
