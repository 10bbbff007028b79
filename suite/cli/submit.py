"""`lottery submit`: a study as tasks of a cluster, or of this machine's GPUs."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suite.cli import data_option, results_option
from suite.errors import InputError

if TYPE_CHECKING:
    from suite.cluster.profile import Profile
    from suite.cluster.shares import Share
    from suite.manifest import Study


@click.command()
@click.argument("manifests", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="MANIFEST...")
@click.option("--profile", metavar="NAME|FILE", help="A site's settings: rosie, or a YAML file of your own.")
@click.option("--tasks", type=click.IntRange(1, 1000), metavar="N", help="How many tasks  [default: one a model]")
@click.option("--image", metavar="SIF", help="Run in this Apptainer image; without, in this environment.")
@click.option("--partition", metavar="NAME")
@click.option("--account", metavar="NAME")
@click.option("--qos", metavar="NAME")
@click.option("--constraint", metavar="FEATURES")
@click.option("--gres", metavar="GRES", help="Each task's GPUs: gpu:v100:1.")
@click.option("--time", type=click.IntRange(1), metavar="MIN", help="Limit of a task  [default: 2 x forecast + 10]")
@click.option(
    "--memory", type=click.FloatRange(0, min_open=True), metavar="GB", help="Host memory  [default: forecast]"
)
@click.option("--cpus", type=click.IntRange(1), metavar="N", help="Cores of a task.")
@click.option("--bind", "binds", multiple=True, metavar="DIR", help="A folder the image sees; may be given again.")
@click.option("--local", is_flag=True, help="On this machine: one process for each GPU.")
@click.option("--dry-run", is_flag=True, help="Print the scripts and submit nothing; needs no SLURM.")
@results_option
@data_option
def submit(
    manifests: tuple[Path, ...], profile: str | None, local: bool, dry_run: bool, results: Path, **options: Any
) -> None:
    """Submit what manifests lack to SLURM: a job array, whose tasks share the experiments and a results folder.

    A task that nears its time limit, or is preempted, ends its experiment and goes back into the queue. Submit again at
    any time: what is done, or still queued, is left out. `lottery status` shows how it goes.

    \b
    lottery submit manifests/phase2.yaml --profile rosie --image lottery.sif
    lottery submit manifests/phase3.yaml --partition gpu --gres gpu:a100:1 --tasks 5 --dry-run
    lottery submit manifests/phase3.yaml --local
    """
    from rich.console import Console

    from suite.cli.fetching import bring_files
    from suite.cluster.profile import read_profile
    from suite.manifest import read_study

    site = read_profile(profile, options)
    if site.image is not None and not Path(site.image).is_file() and not dry_run:
        raise InputError(f"there is no image {site.image}; `make sif` builds one, or leave --image out")
    bring_files(manifests, Console(stderr=True, soft_wrap=True))
    for path, study in [(path, read_study(path)) for path in manifests]:
        _submit(path, study, site, results / study.name, local, dry_run)


def _submit(path: Path, study: Study, site: Profile, folder: Path, local: bool, dry_run: bool) -> None:
    from rich.console import Console

    from suite.cli.run import bring
    from suite.cluster import shares
    from suite.cluster.limits import check_memory, with_limits
    from suite.cluster.status import study_status
    from suite.machine import this_machine
    from suite.records import Store

    store = Store(folder)
    waiting = {c.id for c in study_status(folder).cells if c.state in ("queued", "running")} if folder.is_dir() else ()
    machine = this_machine() if local else site.machine
    lacking = shares.missing(study, store, machine, waiting)
    if not lacking:
        rest = f", {len(waiting)} are queued or running" if waiting else ""
        click.echo(f"{study.name}: nothing to submit: {'the others' if waiting else 'all'} are done{rest}")
        return
    dealt = shares.deal(lacking, site.tasks or (_local_tasks() if local else None))
    if not local:
        check_memory(study, dealt, site)
        site = with_limits(site, study, dealt)
    if dry_run:
        click.echo(_scripts(study, site, folder, dealt, local))
        return
    store.prepare()
    models = [study.model(name) for share in lacking for name in share.models]
    bring(study, models, Console(stderr=True, soft_wrap=True))
    if plan := study.plan:
        store.write_plan(plan)
    _start(path, study, site, folder, dealt, local)


def _start(path: Path, study: Study, site: Profile, folder: Path, dealt: list[Share], local: bool) -> None:
    from suite.cluster import local as own
    from suite.cluster import slurm
    from suite.cluster.submission import Submission, TaskEntry, jobs_folder, keep
    from suite.cluster.task import Task

    manifest = str(path.absolute() if path.exists() else path)  # one of the suite's own is found by its name anywhere
    place, limit = jobs_folder(folder).absolute(), None if local else site.time
    tasks = [Task(manifest, str(folder.absolute()), tuple(one.cells), tuple(one.searches), limit) for one in dealt]
    if local:
        place, jobs = own.submit(site, place, tasks)
    else:
        jobs = slurm.submit(study.name, site, place, tasks)
        place /= jobs[0].partition("_")[0]
    entries = tuple(
        TaskEntry(job=job, models=tuple(one.models), cells=one.cells, searches=one.searches)
        for job, one in zip(jobs, dealt, strict=True)
    )
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    kind = "local" if local else "slurm"
    host = socket.gethostname()
    keep(Submission(kind=kind, host=host, submitted=now, manifest=manifest, tasks=entries), place)
    stop = f"kill {' '.join(jobs)}" if local else f"scancel {jobs[0].partition('_')[0]}"
    _say_what(study, site, dealt, jobs, local)
    click.echo(f"\nlottery status {folder}    how it goes (--watch: live)")
    click.echo(f"{stop:<{15 + len(str(folder))}}    stops it; submit again to go on")


def _say_what(study: Study, site: Profile, dealt: list[Share], jobs: list[str], local: bool) -> None:
    from suite.cli.tables import count

    asked = [site.partition and f"partition {site.partition}", site.gres]
    asked += [f"{site.memory:g} GB" if site.memory else None, f"{site.time} min at most"]
    where = "on this machine" if local else f"of job {jobs[0].partition('_')[0]} ({', '.join(filter(None, asked))})"
    click.echo(f"{study.name}: {count(len(dealt), 'task')} {where}")
    for job, share in zip(jobs, dealt, strict=True):
        click.echo(f"  {job:<10} {_words(share)}")


def _words(share: Share) -> str:
    from suite.cli.progress import duration
    from suite.cli.tables import count

    searches = f" and {count(len(share.searches), 'cliff')}" if share.searches else ""
    what = f"{count(len(share.cells), 'experiment')}{searches}, about {duration(share.seconds)}"
    return f"{', '.join(share.models)}: {what}"


def _scripts(study: Study, site: Profile, folder: Path, dealt: list[Share], local: bool) -> str:
    from suite.cluster import slurm
    from suite.cluster.submission import jobs_folder

    lines = []
    for number, share in enumerate(dealt):
        lines.append(f"# {study.name}, task {number}: {_words(share)}")
    if local:
        return "\n".join(lines)
    script = slurm.script(study.name, site, jobs_folder(folder).absolute(), len(dealt))
    first, _, rest = script.partition("\n")
    return "\n".join([first, *lines, rest])


def _local_tasks() -> int:
    from suite.cluster.local import gpus

    return max(1, len(gpus()))
