"""`lottery plan`: the experiments of a manifest, with the time and memory they will need here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite.cli import data_option, results_option
from suite.hashes import trusted

if TYPE_CHECKING:
    from suite.forecast.experiments import Forecast, SearchForecast
    from suite.forecast.hindsight import Hindsight
    from suite.machine import Machine
    from suite.manifest import Study

PLAN_SCHEMA = "lottery-plan/1"


@click.command()
@click.argument("manifests", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="MANIFEST...")
@results_option
@data_option
@click.option("--json", "as_json", is_flag=True, help="Print the experiments whole, as JSON.")
@trusted()
def plan(manifests: tuple[Path, ...], results: Path, as_json: bool) -> None:
    """Show a manifest's experiments with the time and memory they will need on this machine.

    Times are reckoned from what `lottery bench` measured here, else from what is usual. Where some of the experiments
    were done on this machine already, it says how well their times were foreseen, corrects the others by that, and says
    what is left. It reckons with three quarters of the experiments that a search takes at most. Nothing is loaded.
    What says what a model is (its configuration, or its one file) is fetched where it is not in the cache. Of a model
    whose family is not declared it says what was found in its class, part by part.
    A study that cannot fit in the memory here is refused (exit code 2).
    """
    from rich.console import Console

    from suite.cli.fetching import bring_files
    from suite.cli.lacking import plugins_named
    from suite.forecast.experiments import check_fits
    from suite.machine import this_machine
    from suite.manifest import read_study

    machine = this_machine()
    with plugins_named(manifests, results):
        bring_files(manifests, Console(stderr=True, soft_wrap=True))
        plans = [_plan(read_study(path), results, machine) for path in manifests]
    if as_json:
        click.echo(json.dumps(_json(plans, machine), indent=1, ensure_ascii=False))
    else:
        for one in plans:
            _show(one, machine)
    for one in plans:
        check_fits([*one.forecasts, *(search.cell for search in one.searches)], one.study, machine)


@dataclass(frozen=True)
class Planned:
    """A study's forecasts; and of its experiments that are done on this machine, model by model, how long they took."""

    study: Study
    forecasts: list[Forecast]
    searches: list[SearchForecast]
    seen: dict[str, Hindsight]
    whole: float  # seconds, of all of it by what is known now
    left: float | None  # seconds; None where no experiment has a record


def _plan(study: Study, results: Path, machine: Machine) -> Planned:
    from suite.forecast.experiments import forecast, search_forecast
    from suite.forecast.hindsight import hindsight
    from suite.forecast.outlook import Outlook
    from suite.records.store import read_records

    forecasts, searches = forecast(study, machine), search_forecast(study, machine)
    folder = results / study.name
    records, _ = read_records([folder]) if folder.is_dir() else ([], [])
    outlook = Outlook(study, forecasts, searches, records, machine)
    seen = hindsight(study, forecasts, records, machine)
    corrected = [outlook.corrected(one) for one in forecasts]
    hunts = [outlook.corrected_search(one) for one in searches]
    whole = Outlook(study, corrected, hunts, (), machine).whole
    return Planned(study, corrected, hunts, seen, whole, outlook.whole if records else None)


def _json(plans: list[Planned], machine: Machine) -> dict[str, object]:
    from suite.cli.found import found_parts
    from suite.forecast.rates import rates

    rows = [
        {
            "id": one.experiment.id,
            "experiment": one.experiment.model_dump(mode="json"),
            "seconds": round(one.seconds, 3),
            "bytes": one.bytes,
        }
        for study in plans
        for one in study.forecasts
    ]
    hunts = [
        {
            "template": one.search.template.model_dump(mode="json", exclude={"sparsity"}),
            "factors": one.search.factors,
            "most": sum(one.search.most),
            "most_on_the_whole_text": one.search.most.whole,
            "seconds": round(one.seconds(one.search.most), 3),
            "bytes": one.cell.bytes,
        }
        for study in plans
        for one in study.searches
    ]
    done = [
        {
            "study": one.study.name,
            "left_seconds": round(one.left, 3),
            "models": {
                name: {"experiments": len(seen.took), "took": sum(seen.took), "foreseen": sum(seen.foreseen)}
                | {"median": seen.median, "least": seen.ratios[0], "most": seen.ratios[-1]}
                for name, seen in one.seen.items()
            },
        }
        for one in plans
        if one.left is not None
    ]
    models = [
        {"name": model.name, "family": model.anatomy.family, "found_in": model.anatomy.found_in}
        | {"parameters": model.anatomy.weights, "parts": found_parts(model.anatomy)}
        for study in plans
        for model in study.study.models
    ]
    said = rates(machine).said
    return {
        "schema": PLAN_SCHEMA,
        "rates": said,
        "models": models,
        "experiments": rows,
        "searches": hunts,
        "done": done,
    }


def _show(planned: Planned, machine: Machine) -> None:
    from suite.cli.found import found_words
    from suite.cli.progress import duration
    from suite.cli.tables import count
    from suite.forecast.durations import converting
    from suite.forecast.experiments import load_seconds
    from suite.forecast.rates import rates
    from suite.gguf.cache import missing_bytes
    from suite.needs import gigabytes
    from suite.paths import model_cache
    from suite.records.experiment import Continuation
    from suite.records.wording import describe

    study, forecasts, searches = planned.study, planned.forecasts, planned.searches

    most = sum(sum(one.search.most) for one in searches)
    more = f" and at most {most} more to find {count(len(searches), 'cliff')}" if searches else ""
    click.echo(f"{study.title} ({study.name}): {count(len(forecasts), 'experiment')}{more} on {machine.hardware}")
    click.echo(f"text {study.text.name}, windows of {study.context} tokens{_chosen(study)}")
    click.echo(f"{rates(machine).said}\n")
    usual = Continuation()
    for name, group in groupby(forecasts, key=lambda one: one.experiment.model):
        cells, model = list(group), study.model(name)
        hunted = [one for one in searches if one.search.template.model == name]
        seconds = load_seconds(model, machine) + sum(one.seconds for one in cells)
        seconds += sum(one.seconds(one.search.most) for one in hunted)
        peak = max(one.bytes for one in (*cells, *(one.cell for one in hunted)))
        written = cells[0].experiment.generation
        click.echo(
            f"{name}: {count(len(cells), 'experiment')}, {model.anatomy.weights:,} parameters, "
            f"about {duration(seconds)} and {peak / 1e9:.2f} GB{f', {written.words}' if written != usual else ''}"
        )
        if model.anatomy.found_in is not None:
            for line in found_words(model.anatomy):
                click.echo(f"  {line}")
        for one in cells:
            measured = ", ".join(one.experiment.measure)
            click.echo(f"  {one.experiment.id[:8]}  {describe(one.experiment):<50} {one.seconds:7.1f} s  {measured}")
        for search in hunted:
            template, at_most = search.search.template, search.search.most
            factors = ", ".join(f"{factor:g}x" for factor in search.search.factors)
            what = f"{name} {template.criterion} of {template.what}, cliff at {factors}"
            click.echo(f"  {'search':8}  {what:<50} {search.cell.seconds:7.1f} s  each, at most {at_most.whole}")
            if at_most.steps:
                what, each = f"{name} its steps on a part of the text", search.step.seconds
                click.echo(f"  {'':8}  {what:<50} {each:7.1f} s  each, at most {at_most.steps}")
    for model in study.models:
        if missing := missing_bytes(model):
            took = duration(converting([model]))
            click.echo(
                f"\n{model.name} is dequantised first, once: {gigabytes(missing)} in {model_cache()}, about {took}"
            )
    click.echo(f"\nabout {duration(planned.whole)} in all; `lottery run` does what has no record yet")
    if planned.left is not None:
        _show_done(planned)


def _chosen(study: Study) -> str:
    """How many windows are evaluated, where it is not the whole text."""
    asked = {model.name: study.cells(model)[0].windows for model in study.models}
    if len(set(asked.values())) == 1:
        (windows,) = set(asked.values())
        return "" if windows is None else f", {windows} of them spread evenly over the text"
    each = (f"{'all' if windows is None else windows} for {name}" for name, windows in asked.items())
    return f", evaluated: {', '.join(each)}"


def _show_done(planned: Planned) -> None:
    from suite.cli.progress import duration
    from suite.cli.tables import count
    from suite.forecast.hindsight import together

    if not planned.left:
        click.echo("everything has a record")
    else:
        click.echo(f"about {duration(planned.left)} of it are left")
    if not planned.seen:
        click.echo("none of the records there are this machine's, so how well it is foreseen cannot be told")
        return
    whole = together(planned.seen.values())
    click.echo(f"{count(len(whole.took), 'experiment')} done here took {_ratios(whole)} what was foreseen")
    click.echo("the times above are corrected by it, those of each model and measure by their own where there are some")
    for name, seen in planned.seen.items() if len(planned.seen) > 1 else ():
        click.echo(f"{name}: {_ratios(seen)}, {count(len(seen.took), 'experiment')}")


def _ratios(seen: Hindsight) -> str:
    """`0.97 times (median; 0.6 to 1.4)`."""
    return f"{seen.median:.2f} times (median; {seen.ratios[0]:.2f} to {seen.ratios[-1]:.2f})"
