"""`lottery doctor`: whether this machine can run studies, and what to do where it cannot."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite.cli import data_option, results_option
from suite.errors import EXIT_FAILED
from suite.hashes import trusted

if TYPE_CHECKING:
    from suite.doctor import Finding
    from suite.manifest import Study

DOCTOR_SCHEMA = "lottery-doctor/1"
COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@click.argument("manifests", nargs=-1, type=click.Path(path_type=Path), metavar="[MANIFEST]...")
@results_option
@data_option
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@trusted()
def doctor(manifests: tuple[Path, ...], results: Path, as_json: bool) -> None:
    """Say whether this machine can run manifests; without one, look at the machine alone.

    One line a finding: ok, warn (worth a look) or fail, each with its cure. Nothing is loaded or fetched, and nothing
    left behind but the SHA-256 of large files, in the cache. Exit code 0 when all can run, 1 when something fails.
    """
    from suite.doctor.disk import undescribed
    from suite.manifest import read_study

    lacking = {path: list(undescribed(path)) for path in manifests}
    studies = [read_study(path) for path in manifests if not lacking[path]]
    findings = [*chain(*lacking.values()), *examine(studies, results)]
    failing = any(finding.state == "fail" for finding in findings)
    if as_json:
        rows = [asdict(finding) for finding in findings]
        found = {"schema": DOCTOR_SCHEMA, "can_run": not failing, "findings": rows}
        click.echo(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        for finding in findings:
            mark = click.style(f"{finding.state:4}", fg=COLOURS[finding.state], bold=finding.state != "ok")
            click.echo(f"{mark}  {finding.check:<12}  {finding.found}")
            if finding.cure:
                click.echo(f"{'':20}-> {finding.cure}")
        click.echo(_conclusion(findings, bool(manifests)))
    if failing:
        sys.exit(EXIT_FAILED)


def examine(studies: list[Study], results: Path) -> Iterator[Finding]:
    """Everything there is to look at, in the order in which it stands in the way."""
    from suite import __version__
    from suite.doctor import about, disk, fit, gpu
    from suite.gguf.cache import rooms
    from suite.machine import this_machine
    from suite.needs import large, needs
    from suite.runtime import runtime

    machine, around, torch = this_machine(), runtime(), gpu.this_torch()
    wanted = any(large(model) for study in studies for model in study.models)
    yield gpu.gpu(machine, around, wanted=wanted)
    yield from gpu.driver(machine, torch)
    yield from gpu.architecture(machine, torch)
    yield from fit.memory(machine, studies)
    yield from fit.dtype(machine, studies)

    needed, stocks = [need for study in studies for need in needs(study, study.models)], []
    if any(need.remote for need in needed):
        stocks = disk.take_stock(needed)
        yield from disk.hub(stocks)
    yield from disk.texts(needed)
    yield from disk.conversions(studies)
    models = [model for study in studies for model in study.models]
    yield from disk.caches_room([*(stock.room for stock in stocks if stock.room), *rooms(models)])
    yield disk.results(results, sum(disk.results_bytes(study) for study in studies))

    from suite.runner.environment import commit, image_digest, libraries

    yield about.image(around, os.environ, image_digest())
    yield from about.versions(__version__, libraries(), commit())

    from suite.data.catalogue import TEXTS
    from suite.models.catalogue import MODELS
    from suite.pruning.criteria import CRITERIA
    from suite.report.added import ADDED

    yield from about.plugins((CRITERIA, TEXTS, MODELS, ADDED))


def _conclusion(findings: list[Finding], with_manifests: bool) -> str:
    failing = sum(finding.state == "fail" for finding in findings)
    warned = sum(finding.state == "warn" for finding in findings)
    what = "these manifests" if with_manifests else "studies"
    if failing:
        return f"\nThis machine cannot run {what} as it is: {failing} of {len(findings)} findings fail."
    look = f"; {warned} of {len(findings)} findings are worth a look first" if warned else ""
    return f"\nThis machine can run {what}{look}."
