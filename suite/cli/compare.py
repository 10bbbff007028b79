"""`lottery compare`: does the study of one results folder reproduce in another?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suite.cli.tables import console, count, warn_of_damaged
from suite.errors import EXIT_FAILED, InputError, escaped
from suite.paths import here_or_shipped
from suite.records import read_records

if TYPE_CHECKING:
    from suite.comparison.pairs import Comparison, Pair, Side

COMPARISON_SCHEMA = "lottery-comparison/1"


@click.command()
@click.argument("mine", type=click.Path(path_type=Path))
@click.argument("theirs", type=click.Path(path_type=Path))
@click.option("--only-differences", is_flag=True, help="Leave out the rows of cells that reproduce.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison whole, as JSON.")
def compare(mine: Path, theirs: Path, only_differences: bool, as_json: bool) -> None:
    """Compare two results folders: does the study of THEIRS reproduce in MINE, number by number?

    Each is a study's folder or one that holds studies. Every cell of THEIRS is looked up in MINE ("here") and held
    against it: the same text, tokens and windows; the same mask, to the bit; the same perplexity, up to what rounding
    explains for its dtype and device (the more a cell is damaged, the more); the same verdict on what it writes. A
    training is held to its loss alone, as rounding leads it another way. Speeds are shown over each side's own dense
    model and decide nothing. Then the claims: the same verdicts?

    Exit codes: 0 all of THEIRS reproduces, 1 it does not, 2 there is nothing to compare.
    """
    from suite.cli.comparison import header, notes, sentence, table
    from suite.comparison.compare import compare as hold_against

    sides = _side(mine), _side(theirs)
    comparison = hold_against(*sides)
    for side in sides:
        warn_of_damaged(side.damaged, "and is not believed", most=3)
    if as_json:
        click.echo(json.dumps(_as_json(comparison), indent=1, ensure_ascii=False))
    else:
        screen = console()
        for line in header(comparison):
            screen.print(escaped(line), soft_wrap=True)
        shown = comparison.failing if only_differences else comparison.pairs
        if shown:
            screen.print(table(shown))
        for line in (*notes(comparison), sentence(comparison)):
            screen.print(escaped(line), soft_wrap=True)
    if not comparison.reproduces:
        sys.exit(EXIT_FAILED)


def _side(folder: Path) -> Side:
    """Raises: InputError: the folder is not there, or holds no record to compare."""
    from suite.comparison.pairs import Side

    folder = here_or_shipped(folder)
    records, damaged = read_records([folder])
    if not records:
        found = f", only {count(len(damaged), 'file')} that cannot be believed" if damaged else ""
        raise InputError(f"{folder} holds no record to compare{found}; `lottery run MANIFEST` makes some")
    return Side(folder, tuple(records), tuple(damaged))


def _as_json(comparison: Comparison) -> dict[str, Any]:
    from suite.cli.comparison import sentence

    return {
        "schema": COMPARISON_SCHEMA,
        "here": _side_as_json(comparison.here),
        "there": _side_as_json(comparison.there),
        "cells": [_pair_as_json(pair) for pair in comparison.pairs],
        "claims": [
            {"claim": c.name, "here": c.here, "there": c.there, "equal": c.equal, "decides": c.decides}
            for c in comparison.claims
        ],
        "extra": [cell.record.id for cell in comparison.extra],
        "reproduced": len(comparison.pairs) - len(comparison.failing),
        "reproduces": comparison.reproduces,
        "sentence": sentence(comparison),
    }


def _side_as_json(side: Side) -> dict[str, Any]:
    environments = [record.environment.model_dump(mode="json") for record in side.records]
    fields = ("hardware", "device", "driver", "threads", "dtype", "attention", "suite_version", "commit", "libraries")
    there = (*fields, "plugins")  # the last where other packages brought something
    distinct = {json.dumps({name: one[name] for name in there if name in one}) for one in environments}
    return {
        "folder": str(side.folder),
        "records": len(side.records),
        "damaged": [str(damage.path) for damage in side.damaged],
        "environments": [json.loads(one) for one in sorted(distinct)],
    }


def _pair_as_json(pair: Pair) -> dict[str, Any]:
    """Not measured is null; `difference` is perplexity here over there minus one, `allowed` is in nats a token."""

    def known(value: object) -> float | None:
        return value if isinstance(value, float) else None

    return {
        "id": pair.id,
        "here": pair.here.record.id if pair.here else None,
        "experiment": pair.experiment.model_dump(mode="json") if pair.experiment else None,
        "perplexity": [known(value) for value in pair.perplexity],
        "difference": known(pair.difference),
        "allowed": known(pair.allowed),
        "speed": [known(value) for value in pair.speed],
        "checks": [{"check": c.name, "outcome": c.outcome, "reason": c.reason} for c in pair.checks],
        "reproduces": pair.reproduces,
    }
