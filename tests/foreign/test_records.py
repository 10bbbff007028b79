"""A record that is sealed, and holds what nobody can have measured, is not read; its words are never obeyed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from suite.cli import cli
from suite.records import Record, Store, read_records
from tests.foreign.records import sealed
from tests.invented import record

Document = dict[str, Any]


def written(folder: Path, change: Callable[[Document], object], one: Record | None = None) -> Path:
    """A record's file, changed and sealed anew, beside the dense model's."""
    store = Store(folder)
    store.prepare()
    store.write(record())
    document = json.loads((one or record(target="all", sparsity=0.5)).to_json())
    change(document)
    document = sealed(document)
    (folder / f"{document['id']}.json").write_text(json.dumps(document))
    return folder


IMPOSSIBLE: dict[str, Callable[[Document], object]] = {
    "a ratio of nought": lambda d: d["perplexity"].update(ratio_to_dense=0.0),
    "a negative perplexity": lambda d: d["perplexity"].update(value=-1.0),
    "a number that overflows": lambda d: d["perplexity"].update(value=1e308),
    "a window too few": lambda d: d["perplexity"]["nll_per_window"].pop(),
    "no windows": lambda d: d["perplexity"].update(nll_per_window=[], windows=0),
    "bounds the wrong way round": lambda d: d["perplexity"].update(interval={"low": 2.0, "high": 1.0, "level": 0.95}),
    "a kind without its floor": lambda d: d["perplexity"]["floor_by_kind"].pop("recall"),
    "an agreement beyond all": lambda d: d["perplexity"].update(agreement=1.5),
    "a speed of nought": lambda d: d["generation"]["decode_tokens_per_s"]["values"].insert(0, 0.0),
    "blocks of no equal length": lambda d: d["generation"]["decode_tokens_per_s"].update(blocks=3),
    "more bytes than there are": lambda d: d["size"].update(dense_bytes=2**70),
    "fewer samples than none": lambda d: d["coherence"].update(samples=-1),
    "a sparsity beyond all": lambda d: d["experiment"].update(sparsity=1.5),
    "no context": lambda d: d["experiment"].update(context=0),
}


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_what_cannot_have_been_measured_is_not_read(tmp_path: Path, what: str) -> None:
    believed, damaged = read_records([written(tmp_path / "study", IMPOSSIBLE[what])])
    assert [one.experiment.dense for one in believed] == [True]
    assert len(damaged) == 1


@pytest.mark.parametrize("command", ["records", "compare"])
def test_no_word_of_a_record_is_obeyed_by_the_terminal(tmp_path: Path, command: str) -> None:
    words = "\x1b]0;owned\x07\x1b[2J[red]{{ 7*7 }}\u202e"
    results = written(tmp_path / "study", lambda d: d["experiment"].update(model=words))
    failed = record(target="mlp", sparsity=0.5, error=words)
    Store(results).write(failed)
    arguments = [command, str(results)] + [str(results)] * (command == "compare")
    done = CliRunner().invoke(cli, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    assert "\x1b" not in done.output and "\x07" not in done.output and "\u202e" not in done.output
    assert "{{ 7*7 }}" in done.output.replace("\n", "") or "\\x1b" in done.output
