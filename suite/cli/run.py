"""`lottery run`: from a manifest to records."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite.cli import data_option, results_option
from suite.cli.progress import RunProgress
from suite.errors import EXIT_FAILED, InputError

if TYPE_CHECKING:
    from rich.console import Console

    from suite.forecast.outlook import Outlook
    from suite.manifest import Study
    from suite.models.source import ModelSource
    from suite.records import Record, Store
    from suite.runner.run import Outcome


@click.command()
@click.argument("manifests", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="MANIFEST...")
@results_option
@data_option
def run(manifests: tuple[Path, ...], results: Path) -> None:
    """Run the experiments of manifests that have no record yet.

    Records go to DIR/<study>/<id>.json, one an experiment; a study is named after its manifest. Interrupt it at any
    time: the same command goes on where it was. A failed experiment is a record with its reason, and is tried again.
    """
    from rich.console import Console

    from suite.cli.fetching import bring_files
    from suite.cli.lacking import plugins_named
    from suite.manifest import read_study
    from suite.records import Store

    console = Console(soft_wrap=True)
    with plugins_named(manifests, results):
        bring_files(manifests, console)
        studies = [read_study(path) for path in manifests]  # every manifest is read before torch is imported
    if notice := _without_gpu(studies):
        click.echo(f"lottery: {notice}", err=True)
    failures = sum(run_study(study, Store(results / study.name), console).failed for study in studies)
    if failures:
        sys.exit(EXIT_FAILED)


def run_study(study: Study, store: Store, console: Console) -> Outcome:
    """Run what a study lacks, with its progress on the console; what it needs of the hub comes first."""
    from suite.records.store import FAILED
    from suite.runner.run import Run

    console.print(f"{study.title} ({study.name})", highlight=False, markup=False)
    progress = RunProgress(console, outlook(study, store))
    runner = Run(study, store, progress)
    bring(study, [worklist.model for worklist in runner.worklists if worklist.left], console)
    with progress:
        try:
            outcome = runner()
        except KeyboardInterrupt:
            # Counted there: one may be just written, and not told yet.
            kept = sum(not path.name.endswith(FAILED) for path in store.paths)
            console.print(
                f"interrupted: {kept} experiments are in {store.folder}; the same command goes on from there",
                highlight=False,
            )
            raise
    console.print(
        f"{outcome.done} done, {outcome.there} there already, {outcome.failed} failed; records in {store.folder}",
        highlight=False,
    )
    if foreseen := _foreseen(study, progress.done):
        console.print(foreseen, highlight=False)
    return outcome


def outlook(study: Study, store: Store) -> Outlook:
    """What of a study a store lacks, and how long it will take here."""
    from suite.forecast.outlook import Outlook
    from suite.machine import this_machine
    from suite.records import read_records

    records, _ = read_records([store.folder]) if store.folder.is_dir() else ([], [])
    return Outlook.of(study, records, this_machine())


def _foreseen(study: Study, done: list[Record]) -> str | None:
    """How long what was done took, and how long it was foreseen to; None where nothing was done."""
    from suite.cli.progress import duration
    from suite.cli.tables import count
    from suite.forecast.experiments import forecast
    from suite.forecast.hindsight import hindsight, together
    from suite.machine import this_machine

    machine = this_machine()
    seen = together(hindsight(study, forecast(study, machine), done, machine).values())
    if not seen.took:
        return None
    took, foreseen = sum(seen.took), sum(seen.foreseen)
    return (
        f"{count(len(seen.took), 'experiment')} took {duration(took)}, and {duration(foreseen)} were foreseen: "
        f"{took / foreseen:.2f} times as long"
    )


def _without_gpu(studies: list[Study]) -> str | None:
    """A word where the processor does what a GPU was meant to do; none for small models on a machine without one."""
    from importlib.metadata import version

    from suite.machine import this_machine
    from suite.needs import large
    from suite.runtime import missing_gpu, runtime

    machine, wanted = this_machine(), any(large(model) for study in studies for model in study.models)
    if machine.gpus:
        if not version("torch").endswith("+cpu"):
            return None
        return (
            f"a GPU is here ({machine.hardware}), and torch {version('torch')} is the build for processors, so this "
            "runs on the processor: make setup TORCH=cuda"
        )
    reason = missing_gpu(machine, runtime())
    if reason and (wanted or reason.certain):
        return f"no GPU is visible here, so this runs on the processor: {reason.why}; {reason.cure}"
    if wanted:
        return "no GPU is visible here, so this runs on the processor; `lottery plan` says how long that takes"
    return None


def bring(study: Study, models: list[ModelSource], console: Console) -> None:
    """Fetch what these models and the text need and the cache lacks, and check all of it; convert GGUF files.

    Raises:
        InputError: something cannot be had.
    """
    from suite.cli.converting import convert_models
    from suite.cli.fetching import FetchProgress, fetch_all
    from suite.needs import needs

    wanted = needs(study, models) if models else []
    if any(need.remote or need.trouble for need in wanted):
        with FetchProgress(console) as progress:
            fetched = fetch_all(wanted, progress, ask=False, models=models)
        if fetched.failures:
            raise InputError(fetched.failures[0])
    convert_models(models, console)
