"""`lottery status`: what has become of every experiment of a study, and when the rest will be done."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suite.errors import EXIT_FAILED, InputError
from suite.paths import default_results

if TYPE_CHECKING:
    from rich.console import Group

    from suite.cluster.status import CellStatus, StudyStatus

STATUS_SCHEMA = "lottery-status/1"
FEW = 40  # cells that are all shown without being asked for
PERIOD = 5.0  # seconds
STYLES = {"done": "green", "running": "bold", "queued": "dim", "failed": "red", "lost": "magenta", "open": "dim"}


@click.command()
@click.argument("results", nargs=-1, type=click.Path(path_type=Path), metavar="[RESULTS]...")
@click.option("--watch", is_flag=True, help=f"Live, every {PERIOD:g} s, until nothing is queued or running.")
@click.option("--all", "everything", is_flag=True, help=f"A line for every experiment, also of over {FEW}.")
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
def status(results: tuple[Path, ...], watch: bool, everything: bool, as_json: bool) -> None:
    """Show the state of every experiment, from the records and from SLURM.

    RESULTS is a study's folder, or one that holds studies.

    \b
    done     its record is there
    running  somebody is at it
    queued   its task waits, or has not come to it yet
    failed   its record, or its task's log, says why
    lost     its task ended without it: cancelled, killed, out of time; submit again
    open     never submitted

    Exit codes: 1 when something failed or was lost, else 0.
    """
    folders = list(results) or [default_results()]
    found = _look(folders)
    if watch and not as_json:
        found = _watch(folders, everything)
    elif as_json:
        click.echo(json.dumps({"schema": STATUS_SCHEMA, "studies": [_json(one) for one in found]}, indent=1))
    else:
        from suite.cli.tables import console

        console().print(_table(found, everything))
    if any(one.counts["failed"] or one.counts["lost"] for one in found):
        sys.exit(EXIT_FAILED)


def _look(folders: list[Path]) -> list[StudyStatus]:
    from suite.cluster.status import study_status
    from suite.records.store import studies

    places = [store.folder for store in studies(folders)]  # one that has no record yet has a plan
    if not places:
        raise InputError(f"no study is in {folders[0]}; `lottery submit MANIFEST` or `lottery run MANIFEST` starts one")
    return [study_status(place) for place in places]


def _watch(folders: list[Path], everything: bool) -> list[StudyStatus]:
    from rich.live import Live

    from suite.cli.tables import console

    found = _look(folders)
    with Live(_table(found, everything), console=console(), auto_refresh=False) as live:
        while any(one.under_way for one in found):
            time.sleep(PERIOD)
            found = _look(folders)
            live.update(_table(found, everything), refresh=True)
    return found


def _table(found: list[StudyStatus], everything: bool) -> Group:
    from rich.console import Group
    from rich.text import Text

    from suite.cli.progress import duration

    parts: list[Any] = []
    for one in found:
        counts = ", ".join(f"{number} {state}" for state, number in one.counts.items() if number)
        left = f"; about {duration(one.seconds_left)} left" if one.seconds_left else ""
        parts.append(Text(f"{one.name}: {counts or 'no experiments'}{left}", style="bold"))
        if one.tasks:
            parts.append(_tasks(one))
        shown = [cell for cell in one.cells if everything or len(one.cells) <= FEW or cell.state in ("failed", "lost")]
        if shown:
            parts.append(_cells(one, shown))
    return Group(*parts)


def _tasks(one: StudyStatus) -> Any:
    from suite.cli.tables import add_row, new_table

    table = new_table(["job", "state", "node"], ["done", "of"], ["at"], "at")
    latest = one.tasks[0].folder
    for task in one.tasks:
        if task.folder == latest or not task.job.ended:  # of what was submitted before, only what is still there
            state = task.job.state.lower().replace("_", " ")
            add_row(table, [task.entry.job, state, task.job.node, str(task.done), str(task.cells), task.at or ""])
    return table


def _cells(one: StudyStatus, shown: list[CellStatus]) -> Any:
    from suite.cli.tables import add_row, new_table

    rows = []
    for cell in shown:
        log = "" if cell.log is None or cell.state not in ("failed", "lost") else _short(cell.log)
        rows.append([cell.state, cell.what, cell.job or "", cell.why or "", log])
    headings = ["state", "experiment", "job", "why", "log"]
    told = [index for index in range(len(headings)) if any(row[index] for row in rows)]
    table = new_table([headings[index] for index in told], [], [], "why")
    for cell, row in zip(shown, rows, strict=True):
        add_row(table, [row[index] for index in told], STYLES[cell.state])
    return table


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _json(one: StudyStatus) -> dict[str, Any]:
    from suite.cluster.submission import log

    tasks = [
        {
            "job": task.entry.job,
            "state": task.job.state,
            "node": task.job.node or None,
            "cells": task.cells,
            "done": task.done,
            "log": str(log(task.folder, task.entry.job, "out")),
        }
        for task in one.tasks
    ]
    cells = [
        {
            "id": cell.id,
            "what": cell.what,
            "state": cell.state,
            "why": cell.why,
            "job": cell.job,
            "log": str(cell.log) if cell.log else None,
        }
        for cell in one.cells
    ]
    return {
        "name": one.name,
        "folder": str(one.folder),
        "counts": one.counts,
        "seconds_left": one.seconds_left,
        "tasks": tasks,
        "cells": cells,
    }
