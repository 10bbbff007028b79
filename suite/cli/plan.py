"""`lottery plan`: the experiments of a manifest, with the time and memory they will need here."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from suite.forecast import Forecast
    from suite.machine import Machine
    from suite.manifest import Study
    from suite.manifest.cliff import Search

PLAN_SCHEMA = "lottery-plan/1"


@click.command()
@click.argument("manifests", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="MANIFEST...")
@click.option("--json", "as_json", is_flag=True, help="Print the experiments whole, as JSON.")
def plan(manifests: tuple[Path, ...], as_json: bool) -> None:
    """Show a manifest's experiments with the time and memory they will need on this machine.

    Nothing is loaded. A study that cannot fit in the memory here is refused (exit code 2).
    """
    from suite.forecast import check_fits, forecast, search_forecast
    from suite.machine import this_machine
    from suite.manifest import read_study

    machine = this_machine()
    studies = [read_study(path) for path in manifests]
    forecasts = [forecast(study, machine) for study in studies]
    searches = [search_forecast(study, machine) for study in studies]
    if as_json:
        rows = [
            {
                "id": one.experiment.id,
                "experiment": one.experiment.model_dump(mode="json"),
                "seconds": round(one.seconds, 3),
                "bytes": one.bytes,
            }
            for study in forecasts
            for one in study
        ]
        hunts = [
            {
                "template": search.template.model_dump(mode="json", exclude={"sparsity"}),
                "factors": search.factors,
                "most": search.most,
                "seconds": round(one.seconds * search.most, 3),
                "bytes": one.bytes,
            }
            for study in searches
            for search, one in study
        ]
        plan = {"schema": PLAN_SCHEMA, "experiments": rows, "searches": hunts}
        click.echo(json.dumps(plan, indent=1, ensure_ascii=False))
    else:
        for study, ones, hunted in zip(studies, forecasts, searches, strict=True):
            _show(study, ones, hunted, machine)
    for study, ones, hunted in zip(studies, forecasts, searches, strict=True):
        check_fits([*ones, *(one for _, one in hunted)], study, machine)


def _show(study: Study, forecasts: list[Forecast], searches: list[tuple[Search, Forecast]], machine: Machine) -> None:
    from suite.cli.progress import duration
    from suite.cli.tables import count
    from suite.forecast import load_seconds
    from suite.manifest.expand import describe

    most = sum(search.most for search, _ in searches)
    more = f" and at most {most} more to find {count(len(searches), 'cliff')}" if searches else ""
    click.echo(f"{study.title} ({study.name}): {count(len(forecasts), 'experiment')}{more} on {machine.hardware}")
    click.echo(f"text {study.text.name}, windows of {study.context} tokens\n")
    total = 0.0
    for name, group in groupby(forecasts, key=lambda one: one.experiment.model):
        cells, model = list(group), study.model(name)
        hunted = [(search, one) for search, one in searches if search.template.model == name]
        seconds = load_seconds(model, machine) + sum(one.seconds for one in cells)
        seconds += sum(search.most * one.seconds for search, one in hunted)
        total += seconds
        peak = max(one.bytes for one in (*cells, *(one for _, one in hunted)))
        click.echo(
            f"{name}: {count(len(cells), 'experiment')}, {model.anatomy.weights:,} parameters, "
            f"about {duration(seconds)} and {peak / 1e9:.2f} GB"
        )
        for one in cells:
            measured = ", ".join(one.experiment.measure)
            click.echo(f"  {one.experiment.id[:8]}  {describe(one.experiment):<50} {one.seconds:7.1f} s  {measured}")
        for search, one in hunted:
            factors = ", ".join(f"{factor:g}x" for factor in search.factors)
            what = f"{search.template.criterion} of {search.template.what}, cliff at {factors}"
            click.echo(
                f"  {'search':8}  {name} {what:<{49 - len(name)}} {one.seconds:7.1f} s  each, at most {search.most}"
            )
    click.echo(f"\nabout {duration(total)} in all; `lottery run` does what has no record yet")
