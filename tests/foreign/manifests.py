"""One manifest from anybody, on the way that `lottery plan` and `lottery run` take it before a model is loaded."""

from __future__ import annotations

import io
import shutil
import unicodedata
from contextlib import redirect_stdout
from pathlib import Path
from random import Random
from typing import Any

import yaml

import suite.hub  # noqa: F401 - before the guard listens: libraries that it imports look for others of the system
from suite.cli.plan import plan as plan_command
from suite.errors import LONGEST, InputError
from suite.manifest import read_study
from suite.models.catalogue import embedded
from suite.needs import needs
from suite.paths import MANIFESTS
from suite.records import Store
from tests.foreign.mutate import STRINGS, altered, mangled, nudged, thinned, written

MOST = 2 * LONGEST  # characters of a sentence, some of them escaped

OWN = (
    """\
title: a model and a text of one's own
models: [{name: mine, path: model, dtype: float32}]
text: {name: notes, path: notes.txt}
context: 64
experiments:
- {target: [all, mlp], sparsity: [0.3, 0.5]}
""",
    """\
title: layers, parts, budgets
models: story-mistral-small
text: stories
target: mlp
experiments:
- {layers: [0-1, '1'], sparsity: 0.5}
- {part: [q, down], budget: 0.1, scope: global, tied: [untie, both]}
- {cliff: [1.1, 2]}
""",
    """\
title: of the hub
models: [story-phi, {name: x, repository: someone/tiny, revision: 0123456789abcdef0123456789abcdef01234567}]
text: wikitext-2
criterion: random
seed: [0, 1]
experiments: [{target: attention, sparsity: [0.1, 0.2]}]
""",
    """\
title: anchors
models:
- {name: mine, path: model, published: 2.5}
- story-llama
text: {name: rows, path: rows.json, join: ' '}
context: 32
measure: [perplexity, size]
experiments:
- &one {target: all, sparsity: &half 0.5}
- {target: late, sparsity: *half}
""",
)


def seeds() -> list[str]:
    """The manifests that ship, and small ones with a model and texts of their own."""
    return [path.read_text(encoding="utf-8") for path in sorted(MANIFESTS.glob("*.yaml"))] + [*OWN, *OWN]


def furnish(folder: Path) -> None:
    """What those small ones name."""
    shutil.copytree(embedded()["story-mistral-small"], folder / "model")
    (folder / "notes.txt").write_text("a brave baker took her bread to the river. " * 50, encoding="utf-8")
    (folder / "rows.json").write_text('["one row of it", "and another"]', encoding="utf-8")


def foreign(rng: Random) -> bytes:
    """A manifest that nobody wrote."""
    seed = rng.choice(seeds())
    if rng.random() < 0.5:
        return mangled(seed, rng)
    document = thinned(yaml.safe_load(seed), rng)
    change = rng.choice((altered, altered, altered, nudged, nudged, thinned, _pointing))
    return written(change(document, rng), rng)


def _pointing(document: dict[str, Any], rng: Random) -> dict[str, Any]:
    """The manifest with a model or a text at any of the paths one may try."""
    paths = [name for name in STRINGS if "/" in name or name.startswith((".", "~"))]
    entry = {"name": "mine", "path": rng.choice(["", "model/", "./"]) + rng.choice(paths)}
    return {**document, "text": entry} if rng.random() < 0.5 else {**document, "models": [entry]}


def handle(path: Path, results: Path) -> bool:
    """Whether the manifest is accepted; it is then forecast, printed and its plan kept.

    Raises:
        AssertionError: what was said is not one sentence for a terminal, or the plan does not read back.
    """
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            plan_command.callback((path,), results, False)  # type: ignore[misc]
        study = read_study(path)
        assert needs(study, study.models)
    except InputError as error:
        assert_sentence(str(error))
        return False
    assert_printable(printed.getvalue().replace("\n", ""))
    store = Store(results / study.name)
    store.prepare()
    assert study.plan
    store.write_plan(study.plan)
    assert store.read_plan() == study.plan
    return True


def assert_sentence(said: str) -> None:
    assert len(said) <= MOST, f"{len(said)} characters: {said[:200]}"
    assert_printable(said)


def assert_printable(said: str) -> None:
    said.encode()
    assert not (odd := [c for c in said if unicodedata.category(c) == "Cc"]), f"{odd[:3]!r} in {said[:300]!r}"
