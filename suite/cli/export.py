"""`lottery export`: one experiment's model as a directory that transformers loads."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite.cli import data_option, results_option
from suite.cli.progress import RunProgress
from suite.errors import EXIT_FAILED, InputError
from suite.interruption import stop_if_asked

if TYPE_CHECKING:
    from suite.manifest import Study
    from suite.records import Experiment

EXPORTS = Path("exports")


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path), metavar="MANIFEST")
@click.option("--cell", metavar="ID", help="The experiment: the beginning of its id, as `lottery plan` shows it.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the model goes; a new folder.  [default: exports/<study>/<id>]",
)
@click.option("--compressed", is_flag=True, help="Pruned tensors as a bitmap and their surviving values.")
@results_option
@data_option
def export(manifest: Path, cell: str | None, out: Path | None, compressed: bool, results: Path) -> None:
    """Make the model of one experiment of MANIFEST again, and write it as an ordinary Hugging Face directory.

    `AutoModelForCausalLM.from_pretrained(DIR)` loads it, and it computes what was measured. If the experiment has a
    record among the results, its mask must have the digest that the record says (else exit code 1). Without --cell the
    experiments are listed. What is --compressed is a valid safetensors file too, and `lottery expand` writes the
    ordinary directory from it.
    """
    from rich.console import Console

    from suite.cli.fetching import bring_files
    from suite.cli.lacking import plugins_named
    from suite.cli.run import bring
    from suite.manifest import read_study
    from suite.records import Store

    console = Console(soft_wrap=True)
    with plugins_named([manifest], results):
        bring_files([manifest], console)
        study = read_study(manifest)
    experiment = _chosen(study, cell)
    if experiment.precision == "float8-compute":
        raise InputError(
            "float8-compute multiplies by kernels that a plain model directory cannot ask for; export the same cell "
            "with `precision: float8-weights`, whose weights are rounded alike"
        )
    if experiment.training is not None:
        where = results / study.name / "networks"
        raise InputError(
            f"experiment {experiment.id[:8]} is a training, not a cell of a finished model; the networks of tickets "
            f"and dense trainings, each with its mask, are in {where} as safetensors once they are trained"
        )
    out = out or EXPORTS / study.name / experiment.id[:8]
    from suite.models.export import check_free
    from suite.runner import export as runner
    from suite.runner.reasons import FAILURES, reason

    check_free(out)
    bring(study, [study.model(experiment.model)], console)
    known = Store(results / study.name).read(experiment.id)
    try:
        with RunProgress(console) as progress:
            details = runner.export(study, experiment, out, compressed, known, progress)
    except FAILURES as error:
        stop_if_asked()
        click.echo(f"lottery: {reason(error)}", err=True)
        sys.exit(EXIT_FAILED)
    size = sum(path.stat().st_size for path in out.iterdir())
    checked = ", as its record says" if known and known.pruning else ""
    mask = f"; mask {details['mask_digest'][:12]}{checked}" if details["mask_digest"] else ""
    click.echo(f"{out}: {size / 1e6:,.1f} MB, weights stored in {details['stored_dtype']}{mask}")


def _chosen(study: Study, cell: str | None) -> Experiment:
    """The experiment whose id begins with `cell`; a search's points may be named too.

    Raises:
        InputError: none does, or several; those that could be meant are listed.
    """
    from suite.records.wording import describe

    points = [point for search in study.searches for point in search.points]
    cells = {one.id: one for one in (*points, *study.experiments)}
    found = [one for one in cells.values() if cell and one.id.startswith(cell.lower())]
    if len(found) == 1:
        return found[0]
    for one in found or study.experiments:
        click.echo(f"  {one.id[:8]}  {describe(one)}", err=True)
    if cell is None:
        raise InputError("which of these? Name one by --cell and the beginning of its id")
    what = f"{len(found)} experiments" if found else "no experiment"
    raise InputError(f"the id of {what} of {study.name} begins with {cell!r}; name one of those above by --cell")
