"""`lottery run`: from a manifest to records."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from suite.cli import results_option
from suite.cli.progress import RunProgress
from suite.errors import EXIT_FAILED


@click.command()
@click.argument("manifests", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="MANIFEST...")
@results_option
def run(manifests: tuple[Path, ...], results: Path) -> None:
    """Run the experiments of manifests that have no record yet.

    Records go to DIR/<study>/<id>.json, one an experiment; a study is named after its manifest. Interrupt it at any
    time: the same command goes on where it was. A failed experiment is a record with its reason, and is tried again.
    """
    from rich.console import Console

    from suite.manifest import read_study
    from suite.records import Store

    studies = [read_study(path) for path in manifests]
    failures = 0
    console = Console(soft_wrap=True)
    from suite.runner.run import Run  # torch is imported after every manifest was read

    for study in studies:
        store = Store(results / study.name)
        console.print(f"{study.title} ({study.name})", highlight=False, markup=False)
        with RunProgress(console) as progress:
            runner = Run(study, store, progress)
            try:
                outcome = runner()
            except KeyboardInterrupt:
                kept = runner.outcome.there + runner.outcome.done
                console.print(
                    f"interrupted: {kept} of {len(study.experiments)} experiments are in {store.folder}; "
                    "the same command goes on from there",
                    highlight=False,
                )
                raise
        failures += outcome.failed
        console.print(
            f"{outcome.done} done, {outcome.there} there already, {outcome.failed} failed; records in {store.folder}",
            highlight=False,
        )
    if failures:
        sys.exit(EXIT_FAILED)
