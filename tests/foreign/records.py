"""Records from anybody, on the way that `lottery records`, `compare` and `page` take them.

A record that is changed and sealed anew is believed, if its schema lets it: then everything after must cope with it.
"""

from __future__ import annotations

import io
import json
from collections import defaultdict
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from suite.analysis.facts import build_facts
from suite.cli.compare import compare as compare_command
from suite.cli.records import records as records_command
from suite.errors import InputError
from suite.paths import MANIFESTS
from suite.records import read_plans, read_records
from suite.records.columns import COLUMNS, RESULTS
from suite.records.experiment import Experiment, digest
from suite.report.contents import contents_of
from suite.report.media.page import build_page
from suite.report.media.paper import build_paper, build_supplement
from suite.report.media.poster import build_poster
from tests.foreign.manifests import assert_printable, assert_sentence
from tests.foreign.mutate import altered, flipped, nudged

REFERENCES = [MANIFESTS / "reference" / study for study in ("embedded", "ticket")]
SET, CHANGED = 9, 7  # records of a set, and how many of them are not as they were measured
WHERE = ("ratio<2", "sparsity>=50%", "target=all", "model~story")
Document = dict[str, Any]


@cache
def _measured() -> dict[str, list[str]]:
    """The reference records' files by model, the dense one first."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(path for folder in REFERENCES for path in folder.glob("*.json")):
        content = path.read_text(encoding="utf-8")
        if path.name != "plan.json":
            experiment = json.loads(content)["experiment"]
            found[experiment["model"]].insert(0 if experiment["criterion"] == "none" else SET, content)
    return found


def furnish(folder: Path, rng: Random) -> int:
    """Write a set of records of one model, or of two, as they were measured (`theirs`), and some changed (`mine`).

    Returns:
        How many are changed.
    """
    mine, theirs = folder / "mine", folder / "theirs"
    mine.mkdir(parents=True)
    theirs.mkdir()
    models = rng.sample(sorted(_measured()), rng.choice((1, 1, 2)))
    chosen = [content for model in models for content in _some(_measured()[model], SET // len(models), rng)]
    changed = set(rng.sample(range(len(chosen)), min(CHANGED, len(chosen))))
    alike = rng.random() if rng.random() < 0.4 else None  # the same change in each, so that they still belong together
    for index, content in enumerate(chosen):
        name = json.loads(content)["id"]
        written = content.encode()
        (theirs / f"{name}.json").write_bytes(written)
        if index in changed:
            name, written = _changed(content, Random(alike) if alike is not None else rng)
        (mine / f"{name}.json").write_bytes(written)
    return len(changed)


def _some(contents: list[str], count: int, rng: Random) -> list[str]:
    dense, *others = contents
    return [dense, *rng.sample(others, min(count - 1, len(others)))]


def _changed(content: str, rng: Random) -> tuple[str, bytes]:
    """A file's name and content: damaged, changed and not sealed, or changed and sealed anew."""
    how = rng.random()
    document: Document = json.loads(content)
    if how < 0.1:
        return document["id"], flipped(content.encode(), rng)
    if how < 0.15:
        return document["id"], content.encode()[: rng.randrange(len(content))]
    section = rng.choice((*RESULTS, "pruning", "experiment", "training"))
    if how < 0.4:
        document = altered(document, rng)
    elif how < 0.8 and document.get(section):
        document[section] = nudged(document[section], rng)
    else:
        document = nudged(document, rng)
    if not isinstance(document, dict):
        return "0" * 64, json.dumps(document).encode()
    if how > 0.2:
        document = sealed(document)
    text = json.dumps(document, ensure_ascii=rng.random() < 0.5)
    name = document.get("id")
    usable = isinstance(name, str) and len(name) == 64 and name.isalnum()
    return name if usable else "0" * 64, text.encode("utf-8", "surrogatepass")  # type: ignore[return-value]


def sealed(document: Document) -> Document:
    """The record with the id and the seal that belong to what it says, if it can have them."""
    try:
        experiment = Experiment.model_validate(document["experiment"])
        document["id"] = experiment.id
        document["seal"] = digest({key: value for key, value in document.items() if key != "seal"})
    except (ValueError, KeyError):
        pass
    return document


def handle(folder: Path, rng: Random) -> int:
    """How many of the set's records are believed; they are shown, compared, and now and then printed.

    Raises:
        AssertionError: what was said is not for a terminal.
    """
    mine, theirs = folder / "mine", folder / "theirs"
    records, damaged = read_records([mine])
    for one in damaged:
        assert_printable(str(one))
    order = [rng.choice(("", "-")) + rng.choice(list(COLUMNS))]
    where = rng.sample(WHERE, rng.randint(0, 1))
    assert_printable(_said(records_command, (mine,), False, False, (), order).replace("\n", ""))
    _said(records_command, (mine,), True, False, where, ())
    _said(records_command, (mine,), False, True, where, order)
    assert_printable(_said(compare_command, mine, theirs, False, False).replace("\n", ""))
    _said(compare_command, theirs, mine, True, True)
    try:
        facts = build_facts(records, read_plans([mine]), damaged=len(damaged))
    except InputError as error:
        assert_sentence(str(error))
        return len(records)
    contents = contents_of(facts)
    if rng.random() < 1 / 50:
        build_page(contents)
    if rng.random() < 1 / 500:
        for build in (build_paper, build_supplement, build_poster):
            build(contents)
    return len(records)


def _said(command: Any, *arguments: Any) -> str:
    """What a command says; a sentence, where it refuses."""
    said = io.StringIO()
    try:
        with redirect_stdout(said), redirect_stderr(said):
            command.callback(*arguments)
    except InputError as error:
        assert_sentence(str(error))
    except SystemExit as ended:
        assert ended.code == 1
    return said.getvalue()
