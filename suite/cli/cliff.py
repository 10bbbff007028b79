"""`lottery cliff`: where one model breaks, to one per cent."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import click

from suite.cli import data_option, results_option
from suite.errors import EXIT_FAILED
from suite.protocol import FACTORS

if TYPE_CHECKING:
    from suite.manifest import Study
    from suite.records import Store
    from suite.records.schema import SequentialTest


@click.command()
@click.argument("model")
@click.option("--target", default="all", show_default=True, help="What is pruned: all, blocks, attention, mlp, ...")
@click.option("--criterion", default="magnitude", show_default=True)
@click.option("--scope", default="tensor", show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Of criterion random.")
@click.option(
    "--factor",
    "factors",
    type=float,
    multiple=True,
    default=FACTORS,
    show_default=True,
    help="Multiples of the dense perplexity; may be given several times.",
)
@click.option("--text", help="stories, wikitext-2, c4 or a file; by default the text that goes with the model.")
@click.option("--context", type=int, help="Tokens a window; by default what is usual for the text.")
@click.option("--windows", type=int, help="Evaluate so many windows, spread evenly over the text; by default all.")
@click.option("--bos", default="once", show_default=True, help="each: every window begins with the tokenizer's BOS.")
@click.option("--whole", is_flag=True, help="Measure every step on the whole text, and stop none early.")
@click.option("--dtype", default="auto", show_default=True)
@results_option
@data_option
def cliff(
    model: str,
    target: str,
    criterion: str,
    scope: str,
    seed: int,
    factors: tuple[float, ...],
    text: str | None,
    context: int | None,
    windows: int | None,
    bos: str,
    whole: bool,
    dtype: str,
    results: Path,
) -> None:
    """Find the sparsity at which MODEL's perplexity first exceeds multiples of the dense one, to 1 %.

    MODEL is a name of the catalogue, a model directory or a GGUF file. By bisection, on records like any others (in
    DIR/cliff): interrupt it at any time, and what is there already is not measured again. A step stops once enough
    windows tell on which side of each multiple it is; the two cells around a crossing are measured on the whole text.
    In a manifest: `cliff: [1.1, 2, 10]`.
    """
    from rich.console import Console

    from suite import declared
    from suite.cli.run import run_study
    from suite.manifest.expand import expand
    from suite.manifest.schema import Manifest
    from suite.models.catalogue import embedded
    from suite.records import Store

    entry = _entry(model)
    named = text or ("stories" if model in embedded() else "wikitext-2")
    grid = {"criterion": criterion, "target": target, "scope": scope, "seed": seed}
    grid["cliff"] = {"factors": list(factors), "whole": whole}
    manifest = {
        "title": f"The cliff of {entry['name']}",
        "models": [{**entry, "dtype": dtype}],
        "text": {"name": Path(named).stem, "path": named} if Path(named).is_file() else named,
        "context": context,
        "windows": windows,
        "bos": bos,
        "experiments": [grid],
    }
    place = declared.Positions(Path("cliff"))
    study = expand(declared.parse(Manifest, manifest, place, "the command line"), Path("cliff"), place)
    store = Store(results / study.name)
    outcome = run_study(study, store, Console(soft_wrap=True))
    if outcome.failed:
        sys.exit(EXIT_FAILED)
    _show(study, store)


def _entry(model: str) -> dict[str, str]:
    """The model as a manifest would name it; a file's name becomes one that a manifest allows."""
    from suite.gguf.header import GGUF

    path = Path(model)
    if path.is_dir():
        return {"name": path.resolve().name, "path": model}
    if path.suffix.lower() == GGUF:
        name = re.sub(r"^[^A-Za-z0-9]+|[^A-Za-z0-9._-]+", "-", path.stem).strip("-")
        return {"name": name[:64] or "gguf", "path": model}
    return {"name": model}


def _show(study: Study, store: Store) -> None:
    from suite.analysis.cells import cells_of
    from suite.analysis.curves import curves_of

    (search,) = study.searches
    found = [record for point in search.points if (record := store.read(point.id))]
    (curve,) = curves_of(cells_of(record for record in found if record.experiment.sequential is None))
    click.echo(f"\n{curve.model}, {curve.criterion} of {curve.what}: perplexity first exceeds")
    for factor in sorted(search.factors):
        crossing = curve.crossing(factor)
        if crossing.above is None:
            click.echo(f"  {factor:5g} times dense nowhere up to {100 * crossing.below:.0f} %")
            continue
        known = crossing.certain_below, crossing.certain_above
        sure = "the text's uncertainty cannot be told"
        if None not in known:
            low, high = (round(100 * (sparsity or 0)) for sparsity in known)
            sure = f"95 % over the text: above {low}, at {high} % at the latest"
        between = f"between {100 * crossing.below:.0f} and {100 * crossing.above:.0f} %"
        click.echo(f"  {factor:5g} times dense {between}  ({sure})")
    if search.sequential:
        click.echo(_saved([record.sequential for record in found if record.sequential]))


def _saved(steps: list[SequentialTest]) -> str:
    """What stopping early came to."""
    from suite.manifest.cliff import TOO_FEW

    if not steps:
        return f"\nevery cell is on all windows of the text; with fewer than {TOO_FEW}, no step stops early"
    taken, most = fmean(step.windows for step in steps), max(step.text_windows for step in steps)
    return f"\n{len(steps)} steps took {taken:.0f} of {most} windows on average; the cells around a crossing took all"
