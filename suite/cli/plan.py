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

PLAN_SCHEMA = "lottery-plan/1"


@click.command()
@click.argument("manifests", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="MANIFEST...")
@click.option("--json", "as_json", is_flag=True, help="Print the experiments whole, as JSON.")
def plan(manifests: tuple[Path, ...], as_json: bool) -> None:
    """Show a manifest's experiments with the time and memory they will need on this machine.

    Nothing is loaded. A study that cannot fit in the memory here is refused (exit code 2).
    """
    from suite.forecast import check_fits, forecast
    from suite.machine import this_machine
    from suite.manifest import read_study

    machine = this_machine()
    studies = [read_study(path) for path in manifests]
    forecasts = [forecast(study, machine) for study in studies]
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
        click.echo(json.dumps({"schema": PLAN_SCHEMA, "experiments": rows}, indent=1, ensure_ascii=False))
    else:
        for study, ones in zip(studies, forecasts, strict=True):
            _show(study, ones, machine)
    for study, ones in zip(studies, forecasts, strict=True):
        check_fits(ones, study, machine)


def _show(study: Study, forecasts: list[Forecast], machine: Machine) -> None:
    from suite.cli.progress import duration
    from suite.forecast import load_seconds
    from suite.manifest.expand import describe

    click.echo(f"{study.title} ({study.name}): {len(forecasts)} experiments on {machine.hardware}")
    click.echo(f"text {study.text.name}, windows of {study.context} tokens\n")
    total = 0.0
    for name, group in groupby(forecasts, key=lambda one: one.experiment.model):
        cells, model = list(group), study.model(name)
        seconds = load_seconds(model, machine) + sum(one.seconds for one in cells)
        total += seconds
        peak = max(one.bytes for one in cells)
        click.echo(
            f"{name}: {len(cells)} experiments, {model.anatomy.weights:,} parameters, "
            f"about {duration(seconds)} and {peak / 1e9:.2f} GB"
        )
        for one in cells:
            measured = ", ".join(one.experiment.measure)
            click.echo(f"  {one.experiment.id[:8]}  {describe(one.experiment):<50} {one.seconds:7.1f} s  {measured}")
    click.echo(f"\nabout {duration(total)} in all; `lottery run` does what has no record yet")
